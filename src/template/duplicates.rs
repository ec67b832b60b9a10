//! Requests that a service reports twice: once in its access log and once in the log of the application.
//!
//! Two formats of one service tell of the same requests when their counts agree, window by window and outcome by outcome, far better than
//! those of two independent streams of the same rate would. The one that tells more of each request stays. Formats, not files: files
//! of one format are instances or parts of one log, and share the requests among them. Where both name the same routes only those are
//! compared and left out: a server logs the probes of its orchestrator, an application often does not.

use std::collections::{BTreeMap, BTreeSet};

use super::cell::Cell;
use super::symbols::Symbol;
use super::tally::{RequestCounts, RequestKey, Tally, add_counts};
use crate::model::{Duplicate, ServiceName};

/// Seconds of one block in which counts are compared: long against the time between the two lines of a request.
const BLOCK: f64 = 16.0;
/// Fewer requests or blocks could agree by chance.
const FEWEST_REQUESTS: f64 = 60.0;
const FEWEST_BLOCKS: usize = 6;
/// Largest share of the difference that two independent Poisson streams of that rate would have.
const CHANCE: f64 = 0.35;
/// Outcomes may differ by this share, and by this many.
const OTHER_OUTCOME: f64 = 0.1;
const FEW: f64 = 3.0;

/// Requests of one block: all, failed, rejected.
type Block = [f64; 3];

/// Requests of a stream by number of block.
type Blocks = BTreeMap<i64, Block>;

/// What one format tells of a service's requests. Blocks of all routes together: those of each would be as many as all windows.
#[derive(Default)]
struct Account {
    /// Requests of each route.
    routes: BTreeMap<Symbol, u64>,
    blocks: Blocks,
    /// Requests whose duration it tells.
    timed: u64,
}

impl Account {
    fn requests(&self, routes: &BTreeSet<Symbol>) -> u64 {
        self.routes.iter().filter(|r| routes.contains(r.0)).map(|r| r.1).sum()
    }

    fn all_routes(&self) -> BTreeSet<Symbol> {
        self.routes.keys().copied().collect()
    }

    fn add(&mut self, route: Symbol, counts: &RequestCounts, width: i64) {
        let requests = self.routes.entry(route).or_default();
        for (window, cell) in &counts.windows {
            self.timed += cell.latency.count();
            *requests += u64::from(cell.completed);
            add_cell(&mut self.blocks, window.div_euclid(width), &cell);
        }
    }
}

fn add_cell(blocks: &mut Blocks, block: i64, cell: &Cell) {
    let told = [cell.completed, cell.failed, cell.rejected];
    blocks.entry(block).or_default().iter_mut().zip(told).for_each(|(sum, n)| *sum += f64::from(n));
}

impl Tally {
    /// Names what all requests since the last time were read from. Called once a file, when its format is known.
    pub fn name_source(&mut self, format: &str) {
        let source = self.symbols.intern(format);
        for key in std::mem::take(&mut self.unnamed) {
            if let Some(counts) = self.requests.remove(&key) {
                add_counts(&mut self.requests, RequestKey { source, ..key }, counts, RequestCounts::merge);
            }
        }
    }

    /// Leaves out requests that another format of the same service tells as well.
    pub fn count_once(&mut self) -> Vec<Duplicate> {
        let mut found = Vec::new();
        for (service, accounts) in self.accounts() {
            let mut kept: Vec<(Symbol, Account)> = Vec::new();
            for other in most_telling_first(accounts) {
                let told = |first: &(Symbol, Account)| Some((first.0, self.told_by_both(service, first, &other)?));
                let Some((first, routes)) = kept.iter().find_map(told) else {
                    kept.push(other);
                    continue;
                };
                let (source, account) = other;
                self.requests.retain(|key, _| key.service != service || key.source != source || !routes.contains(&key.route));
                let text = |symbol| self.symbols.text(symbol).to_owned();
                let requests = account.requests(&routes);
                found.push(Duplicate { service: ServiceName::new(&text(service)), counted: text(first), left_out: text(source), requests });
            }
        }
        found
    }

    /// By service, of those that write in more than one format.
    fn accounts(&self) -> BTreeMap<Symbol, BTreeMap<Symbol, Account>> {
        let mut sources: BTreeMap<Symbol, BTreeSet<Symbol>> = BTreeMap::new();
        self.requests.keys().for_each(|key| _ = sources.entry(key.service).or_default().insert(key.source));
        let mut all: BTreeMap<Symbol, BTreeMap<Symbol, Account>> = BTreeMap::new();
        for (key, counts) in self.requests.iter().filter(|(key, _)| sources[&key.service].len() > 1) {
            all.entry(key.service).or_default().entry(key.source).or_default().add(key.route, counts, self.windows_of_a_block());
        }
        all
    }

    fn windows_of_a_block(&self) -> i64 {
        ((BLOCK / self.step.seconds()) as i64).max(1)
    }

    /// What one format tells of some routes.
    fn blocks(&self, service: Symbol, source: Symbol, routes: &BTreeSet<Symbol>) -> Blocks {
        let mut blocks = Blocks::new();
        let is_meant = |key: &RequestKey| key.service == service && key.source == source && routes.contains(&key.route);
        for (window, cell) in self.requests.iter().filter(|(key, _)| is_meant(key)).flat_map(|(_, counts)| &counts.windows) {
            add_cell(&mut blocks, window.div_euclid(self.windows_of_a_block()), &cell);
        }
        blocks
    }

    /// The routes of `b` whose requests `a` tells as well: those that both name, where these carry most of what either tells, else all.
    fn told_by_both(&self, service: Symbol, (first, a): &(Symbol, Account), (other, b): &(Symbol, Account)) -> Option<BTreeSet<Symbol>> {
        let (of_a, of_b) = (a.all_routes(), b.all_routes());
        let common: BTreeSet<Symbol> = of_a.intersection(&of_b).copied().collect();
        let most = |account: &Account, all: &BTreeSet<Symbol>| 2 * account.requests(&common) > account.requests(all);
        if most(a, &of_a) && most(b, &of_b) {
            let [a, b] = [first, other].map(|source| self.blocks(service, *source, &common));
            return same(&a, &b).then_some(common);
        }
        same(&a.blocks, &b.blocks).then_some(of_b)
    }
}

/// Durations say more than routes, and routes more than nothing.
fn most_telling_first(accounts: BTreeMap<Symbol, Account>) -> Vec<(Symbol, Account)> {
    let mut all: Vec<(Symbol, Account)> = accounts.into_iter().collect();
    all.sort_by_key(|(source, account)| (std::cmp::Reverse((account.timed, account.routes.len())), *source));
    all
}

fn same(a: &Blocks, b: &Blocks) -> bool {
    let blocks: BTreeSet<i64> = a.keys().chain(b.keys()).copied().collect();
    let requests = |account: &Blocks| account.values().map(|b| b[0]).sum::<f64>();
    if blocks.len() < FEWEST_BLOCKS || requests(a).min(requests(b)) < FEWEST_REQUESTS {
        return false;
    }
    let of = |account: &Blocks, block: &i64| account.get(block).copied().unwrap_or_default();
    let pairs: Vec<(Block, Block)> = blocks.iter().map(|block| (of(a, block), of(b, block))).collect();
    let apart = |i: usize| pairs.iter().map(|(x, y)| (x[i] - y[i]).abs()).sum::<f64>();
    // The mean absolute difference of two Poisson counts with mean m is about sqrt(4m/π).
    let by_chance: f64 = pairs.iter().map(|(x, y)| (2.0 * (x[0] + y[0]) / std::f64::consts::PI).sqrt()).sum();
    let outcomes_agree = |i: usize| {
        let told = pairs.iter().map(|(x, y)| x[i].max(y[i])).sum::<f64>();
        apart(i) <= (OTHER_OUTCOME * told).max(FEW)
    };
    apart(0) <= CHANCE * by_chance && outcomes_agree(1) && outcomes_agree(2)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Record, Request, Time};
    use crate::template::tally::Place;

    /// A log of one format: (milliseconds, status, duration in milliseconds if told).
    fn log(format: &str, requests: &[(i64, u16, Option<i64>)]) -> Tally {
        let path: Arc<str> = Arc::from(format);
        let mut tally = Tally::default();
        for (line, &(at, status, duration)) in requests.iter().enumerate() {
            let request = Request { status, duration: duration.map(|d| d * 1_000), path: Some("/pay".into()), ..Request::default() };
            let record = Record { time: Time(at * 1_000), request: Some(request), ..Record::default() };
            tally.add(&record, Place { service: "pay", instance: "", path: &path, line: line as u64 + 1 });
        }
        tally.name_source(format);
        tally
    }

    /// About four requests a second for `seconds`, unevenly spread by `seed`.
    fn traffic(seconds: i64, seed: u64, failing: std::ops::Range<i64>) -> Vec<(i64, u16, Option<i64>)> {
        let mut state = seed;
        let mut at = 0;
        let mut all = Vec::new();
        while at < seconds * 1_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            at += ((state >> 33) % 500) as i64;
            all.push((at, if failing.contains(&(at / 1_000)) { 500 } else { 200 }, Some(20)));
        }
        all
    }

    fn check(a: &[(i64, u16, Option<i64>)], b: &[(i64, u16, Option<i64>)], left_out: &[&str]) {
        let mut all = Tally::merged(vec![log("access", a), log("json", b)], None);
        let found = all.count_once();
        assert_eq!(found.iter().map(|d| d.left_out.as_str()).collect::<Vec<_>>(), left_out);
        let counted: u32 = all.requests.values().flat_map(|r| &r.windows).map(|w| w.1.completed).sum();
        let told = if left_out.is_empty() { a.len() + b.len() } else { a.len().max(b.len()) };
        assert_eq!(counted as usize, told);
    }

    #[test]
    fn the_same_requests_count_once() {
        let told = traffic(400, 1, 200..250);
        let bare: Vec<_> = told.iter().map(|r| ((r.0 + 3) / 1_000 * 1_000, r.1, None)).collect();
        check(&bare, &told, &["access"]);
        check(&told, &bare, &["json"]);
    }

    #[test]
    fn probes_that_only_one_log_tells_stay() {
        let told = traffic(400, 1, 200..250);
        let mut server = log("access", &told);
        let path: Arc<str> = Arc::from("access");
        for second in (0..400).step_by(5) {
            let request = Request { status: 200, path: Some("/healthz".into()), ..Request::default() };
            let record = Record { time: Time(second * 1_000_000), request: Some(request), ..Record::default() };
            server.add(&record, Place { service: "pay", instance: "", path: &path, line: 1 });
        }
        server.name_source("access");
        let mut all = Tally::merged(vec![server, log("json", &told)], None);
        assert_eq!(all.count_once().iter().map(|d| d.requests as usize).collect::<Vec<_>>(), [told.len()]);
        let counted: u32 = all.requests.values().flat_map(|r| &r.windows).map(|w| w.1.completed).sum();
        assert_eq!(counted as usize, told.len() + 80);
    }

    #[test]
    fn other_requests_count_all() {
        let told = traffic(400, 1, 200..250);
        check(&told, &traffic(400, 2, 200..250), &[]);
        let half: Vec<_> = told.iter().step_by(2).copied().collect();
        check(&half, &told, &[]);
        let other_outcome: Vec<_> = told.iter().map(|r| (r.0, 200, r.2)).collect();
        check(&other_outcome, &told, &[]);
        check(&told[..20], &told[..20], &[]);
    }
}
