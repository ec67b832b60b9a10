//! Settings of known systems, `knowledge/settings.toml`: what a number in a configuration is a number of.
//!
//! The role of a key says what it governs; arithmetic must also know whether it is the largest or the smallest pool, a length of time or
//! a rate.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::RegexSet;
use serde::Deserialize;

use super::words::{Unit, key_words};
use super::written;

/// The name of the file that is compiled in, and its text.
pub const FILE: (&str, &str) = ("knowledge/settings.toml", include_str!("../../../knowledge/settings.toml"));

static BUILTIN: LazyLock<Option<Settings>> = LazyLock::new(|| Settings::load(FILE.1).ok());

/// The settings that the program knows, compiled when first asked for. A test loads them.
pub fn builtin() -> Option<&'static Settings> {
    BUILTIN.as_ref()
}

macro_rules! quantities {
    ($($(#[$doc:meta])* $variant:ident = $word:literal),* $(,)?) => {
        /// What a setting is a number of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Quantity { $($(#[$doc])* $variant),* }

        impl Quantity {
            const ALL: &'static [(Quantity, &'static str)] = &[$((Quantity::$variant, $word)),*];
        }
    };
}

quantities! {
    /// Connections that a client's pool may hold, each instance.
    PoolMax = "pool.max",
    PoolMin = "pool.min",
    /// Connections beyond the pool's size.
    PoolExtra = "pool.extra",
    PoolWait = "pool.wait",
    /// Connections from a pooler to the server.
    PoolerServers = "pooler.servers",
    PoolerClients = "pooler.clients",
    ServerConnections = "server.connections",
    ServerReserved = "server.reserved",
    ProxyConnections = "proxy.connections",
    Lifetime = "lifetime",
    LeakThreshold = "leak.threshold",
    TimeLimit = "time.limit",
    Interval = "interval",
    Retries = "retries",
    /// Requests a second.
    Rate = "rate",
    Burst = "burst",
    /// Requests at a time.
    Places = "places",
    Workers = "workers",
    Threads = "threads",
    Queue = "queue",
    Descriptors = "descriptors",
    ContainerMemory = "container.memory",
    Heap = "heap",
    HeapShare = "heap.share",
    Memory = "memory",
    /// Memory of each session.
    MemoryEach = "memory.each",
    StoreMemory = "store.memory",
    Cpu = "cpu",
    Replicas = "replicas",
    CacheTtl = "cache.ttl",
    CacheSize = "cache.size",
    SizeLimit = "size.limit",
    DiskSize = "disk.size",
    Share = "share",
    Switch = "switch",
    Address = "address",
    Identity = "identity",
}

/// One known setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub id: String,
    /// Whose setting it is.
    pub system: String,
    pub quantity: Quantity,
    /// What it is counted in where neither value nor key says so.
    pub unit: Option<Unit>,
    role: String,
    worse: String,
    yes: Vec<String>,
    no: Vec<String>,
}

/// All known settings.
#[derive(Debug)]
pub struct Settings {
    set: RegexSet,
    settings: Vec<Setting>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    setting: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    system: String,
    quantity: String,
    role: String,
    worse: String,
    unit: Option<String>,
    r#match: String,
    yes: Vec<String>,
    no: Vec<String>,
}

impl Settings {
    /// # Errors
    /// Text that is not TOML, an unknown field, quantity or unit, an invalid expression; a lower-case fragment.
    pub fn load(text: &str) -> Result<Settings, String> {
        let file: File = toml::from_str(text).map_err(|error| written::one_line(&error))?;
        let set = written::set(file.setting.iter().map(|setting| format!("(?:^| )(?:{})$", setting.r#match)))?;
        Ok(Settings { set, settings: file.setting.into_iter().map(Written::known).collect::<Result<_, _>>()? })
    }

    /// The setting that a key is, whatever style it is written in.
    pub fn of(&self, key: &str) -> Option<&Setting> {
        let text = key_words(key).0.join(" ");
        self.set.matches(&text).into_iter().next().map(|index| &self.settings[index])
    }

    /// All settings, in the order of the file.
    pub fn all(&self) -> &[Setting] {
        &self.settings
    }
}

impl Written {
    fn known(self) -> Result<Setting, String> {
        let quantity = Quantity::ALL.iter().find(|(_, word)| *word == self.quantity).map(|(quantity, _)| *quantity);
        let quantity = quantity.ok_or_else(|| format!("{}: unknown quantity \"{}\"", self.id, self.quantity))?;
        let unit = match &self.unit {
            Some(word) => Some(Unit::from_word(word).ok_or_else(|| format!("{}: unknown unit \"{word}\"", self.id))?),
            None => None,
        };
        let Written { id, system, role, worse, yes, no, .. } = self;
        Ok(Setting { id, system, quantity, unit, role, worse, yes, no })
    }
}

/// Samples that are not recognised as they should be, each as a sentence.
pub fn wrong(settings: &Settings, role_of: &dyn Fn(&str) -> Option<(&'static str, &'static str)>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut ids = BTreeSet::new();
    for (index, setting) in settings.settings.iter().enumerate() {
        wrong.extend((!ids.insert(&setting.id)).then(|| format!("{} is given twice", setting.id)));
        wrong.extend((setting.yes.is_empty() || setting.no.is_empty()).then(|| format!("{} lacks samples", setting.id)));
        for sample in &setting.yes {
            for key in styles(sample) {
                let found = settings.of(&key).map_or("nothing", |found| &found.id);
                wrong.extend((found != setting.id).then(|| format!("{key} is {found}, not {}", setting.id)));
                let role = role_of(&key);
                let as_said = role == Some((setting.role.as_str(), setting.worse.as_str()));
                wrong.extend((!as_said).then(|| format!("{key} ({}): role {role:?}, not {} {}", setting.id, setting.role, setting.worse)));
            }
        }
        let matches = |key: &&String| settings.set.matches(&key_words(key).0.join(" ")).matched(index);
        wrong.extend(setting.no.iter().filter(matches).map(|key| format!("{key} must not be {}", setting.id)));
    }
    wrong
}

/// A key in every style that is in use, itself first.
pub fn styles(key: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in key.chars() {
        let starts = !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) || words.is_empty();
        if starts {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    let capital = |word: &String| word[..1].to_uppercase() + &word[1..];
    let pascal: String = words.iter().map(capital).collect();
    let camel = words.iter().take(1).cloned().chain(words.iter().skip(1).map(capital)).collect();
    let joined = |with: &str| words.join(with);
    vec![key.to_owned(), camel, pascal, joined("-"), joined("_"), joined("."), joined("_").to_uppercase(), format!("--{}", joined("-"))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suspect::facts::{Facts, Worse};

    #[test]
    fn every_style_of_every_sample_is_recognised() {
        let (settings, facts) = (Settings::load(FILE.1).unwrap(), Facts::builtin());
        let role_of = |key: &str| {
            facts.key(key).map(|fact| {
                let worse = match fact.worse {
                    Worse::Lower => "lower",
                    Worse::Higher => "higher",
                    Worse::Either => "either",
                };
                (fact.role.word(), worse)
            })
        };
        let wrong = wrong(&settings, &role_of);
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
        assert!(settings.all().len() >= 120, "{}", settings.all().len());
    }

    #[test]
    fn styles_of_a_key() {
        let found = styles("db.poolMax_size");
        for wanted in ["db.poolMax_size", "dbPoolMaxSize", "DbPoolMaxSize", "db-pool-max-size", "DB_POOL_MAX_SIZE", "--db-pool-max-size"] {
            assert!(found.iter().any(|key| key == wanted), "{wanted} is not in {found:?}");
        }
    }

    #[test]
    fn faults_are_told() {
        let text = |quantity: &str| {
            format!(
                "[[setting]]\nid = 'a'\nsystem = 'b'\nquantity = '{quantity}'\nrole = 'pool'\nworse = 'lower'\nmatch = 'a'\nyes = []\nno = []\n"
            )
        };
        assert!(Settings::load(&text("pool.maks")).unwrap_err().contains("pool.maks"));
        assert!(Settings::load(&text("pool.max")).is_ok());
    }
}
