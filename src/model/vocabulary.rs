//! The closed lists that declarative files must spell right: levels, symptoms, the roles of configuration keys.

/// Severity of a record, ordered; names as OpenTelemetry's short names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The record does not say.
    #[default]
    Unknown,
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

impl Level {
    /// Every level, in order.
    pub const ALL: [Level; 7] = [Level::Unknown, Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal];

    /// The level that a word in use stands for, in any case: `WARNING`, `err`, `crit`, `Note`, pino's `50`, Monolog's `400`.
    pub fn from_word(word: &str) -> Option<Level> {
        let mut lower = [0u8; 12];
        let bytes = word.as_bytes();
        let lower = lower.get_mut(..bytes.len())?;
        lower.copy_from_slice(bytes);
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"trace" | b"trc" | b"finest" | b"finer" | b"10" => Level::Trace,
            b"debug" | b"dbg" | b"fine" | b"debug1" | b"debug2" | b"debug3" | b"debug4" | b"debug5" | b"20" | b"100" | b"verbose" => {
                Level::Debug
            }
            b"info" | b"inf" | b"information" | b"notice" | b"note" | b"log" | b"system" | b"config" | b"30" | b"200" | b"250" => {
                Level::Info
            }
            b"warn" | b"warning" | b"wrn" | b"40" | b"300" => Level::Warn,
            b"error" | b"err" | b"severe" | b"50" | b"400" => Level::Error,
            b"fatal" | b"crit" | b"critical" | b"panic" | b"alert" | b"emerg" | b"emergency" | b"ftl" | b"60" | b"500" | b"550"
            | b"600" => Level::Fatal,
            _ => return None,
        })
    }

    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Level::Unknown => "unknown",
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
            Level::Fatal => "fatal",
        }
    }
}

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// Every member, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The word that declarative files use.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }

            /// The member that a word names.
            pub fn from_word(word: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|v| v.word() == word)
            }
        }
    };
}

vocabulary! {
    /// What a message shows about the system, apart from which component is to blame.
    Symptom {
        /// A client-side pool had no free connection in time.
        PoolExhausted = "pool.exhausted",
        /// The server refused a connection because its own limit was reached.
        ConnectionLimit = "connection.limit",
        /// A statement was cancelled by a time limit.
        StatementTimeout = "statement.timeout",
        /// A lock was waited for, in vain or too long.
        LockWait = "lock.wait",
        /// The database broke a deadlock.
        Deadlock = "deadlock",
        /// Credentials or permissions were refused.
        Auth = "auth",
        /// A TLS handshake or certificate failed.
        Tls = "tls",
        /// A name could not be resolved.
        Dns = "dns",
        /// Nobody listened at the address.
        Refused = "connection.refused",
        /// No connection came about in time, or there was no way to the address.
        Unreachable = "connection.unreachable",
        /// A connection was reset or closed by its other end.
        Reset = "connection.reset",
        /// A call was given up after a time limit.
        Timeout = "timeout",
        /// Memory ran out, or a memory limit was reached.
        Memory = "memory",
        /// Descriptors, threads or processes ran out.
        Descriptors = "descriptors",
        /// Storage is full or failing.
        Disk = "disk",
        /// Code and schema disagree.
        Schema = "schema",
        /// A rate or queue limit refused work.
        RateLimit = "rate.limit",
        /// A server is read-only, in recovery or starting.
        NotReady = "not.ready",
        /// A statement ran long.
        SlowStatement = "statement.slow",
        /// An uncaught programming error.
        Exception = "exception",
        /// A process started.
        Started = "started",
        /// A process read its configuration again.
        Reloaded = "reloaded",
        /// A process ended.
        Stopped = "stopped",
    }
}

vocabulary! {
    /// Where in a system an error arises.
    Layer {
        ClientPool = "client pool",
        Pooler = "pooler",
        Application = "application",
        Proxy = "proxy",
        Network = "network",
        Dns = "name resolution",
        Tls = "TLS",
        Admission = "database admission",
        Execution = "database execution",
        Storage = "database storage",
        Store = "store",
        Queue = "queue",
        Runtime = "runtime",
        Host = "host",
        Orchestrator = "orchestrator",
        Dependency = "dependency",
    }
}

vocabulary! {
    /// Why statements or connections of a database failed: whose connections ran out, or what else stood between code and data.
    Mechanism {
        /// The client's pool is smaller than what its requests hold at a time.
        PoolTooSmall = "pool_too_small",
        /// Connections are taken from the pool and not given back.
        ConnectionLeak = "connection_leak",
        /// The server or the pooler before it admits no more connections.
        ServerLimit = "server_limit",
        /// Statements take longer than before and hold their connections meanwhile.
        SlowDatabase = "slow_database",
        /// Statements wait for locks that others hold.
        LockQueue = "lock_queue",
        /// Transactions take locks in different orders.
        Deadlock = "deadlock",
        /// The server cannot be reached, or connections are cut.
        Network = "network",
        /// The server refuses who asks.
        Credentials = "credentials",
        /// The server's name does not resolve.
        Dns = "dns",
        /// The server cannot write.
        Disk = "disk",
    }
}

vocabulary! {
    /// What a configuration key governs, and in which way.
    KeyRole {
        Pool = "pool",
        PoolTimeout = "pool.timeout",
        ConnectionLimit = "connection.limit",
        StatementTimeout = "statement.timeout",
        LockTimeout = "lock.timeout",
        Timeout = "timeout",
        Retries = "retries",
        Credential = "credential",
        Tls = "tls",
        Endpoint = "endpoint",
        Memory = "memory",
        Cpu = "cpu",
        Threads = "threads",
        Descriptors = "descriptors",
        Disk = "disk",
        RateLimit = "rate.limit",
        Cache = "cache",
        Replicas = "replicas",
        Schema = "schema",
        Flag = "flag",
        Logging = "logging",
        Schedule = "schedule",
        /// Text, labels, versions: nothing that carries load.
        Inert = "inert",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_round_trip() {
        for &symptom in Symptom::ALL {
            assert_eq!(Symptom::from_word(symptom.word()), Some(symptom));
        }
        for &role in KeyRole::ALL {
            assert_eq!(KeyRole::from_word(role.word()), Some(role));
        }
    }

    #[test]
    fn level_words_in_any_case() {
        assert_eq!(Level::from_word("WARNING"), Some(Level::Warn));
        assert_eq!(Level::from_word("50"), Some(Level::Error));
        assert_eq!(Level::from_word("a very long word indeed"), None);
        assert!(Level::Error > Level::Warn);
    }
}
