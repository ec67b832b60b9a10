//! What the logs and metrics of databases and their poolers tell of them: the values of the database view.
//!
//! Numbers and names only; which of them matter, and how they are worded, the report decides.

use super::coverage::Coverage;
use super::names::{Origin, ServiceName};
use super::time::{Time, TimeSpan};
use super::vocabulary::Level;

/// What wrote a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    PostgreSql,
    PgBouncer,
    /// MySQL or MariaDB.
    MySql,
}

impl Engine {
    /// The engine whose log format has that name.
    pub fn of_format(format: &str) -> Option<Engine> {
        match format {
            f if f.starts_with("postgresql") => Some(Engine::PostgreSql),
            f if f.starts_with("pgbouncer") => Some(Engine::PgBouncer),
            f if f.starts_with("mysql") || f.starts_with("mariadb") => Some(Engine::MySql),
            _ => None,
        }
    }

    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Engine::PostgreSql => "PostgreSQL",
            Engine::PgBouncer => "PgBouncer",
            Engine::MySql => "MySQL/MariaDB",
        }
    }
}

/// The database view of a bundle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatabaseView {
    /// What "during" means: the worst incident, or what the operator named.
    pub incident: Option<TimeSpan>,
    /// What "before" means.
    pub quiet: Option<TimeSpan>,
    /// By service, then engine.
    pub servers: Vec<Server>,
    /// Connections, waits and locks as metrics tell them, by service and name.
    pub gauges: Vec<Gauge>,
    pub coverage: Coverage,
}

/// A count in all and in the two spans that are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub all: u64,
    pub before: u64,
    pub during: u64,
}

/// One server or pooler, by its logs.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    pub service: ServiceName,
    pub engine: Engine,
    /// As the start-up line has it.
    pub version: Option<String>,
    pub records: u64,
    pub span: Option<TimeSpan>,
    /// Records of ERROR, FATAL and PANIC; of a pooler warnings, too, for it writes nothing worse about clients.
    pub failed: Counted,
    /// Most frequent first.
    pub errors: Vec<ErrorCount>,
    pub queries: Queries,
    /// Largest total duration first.
    pub statements: Vec<Statement>,
    pub locks: Locks,
    pub deadlocks: Deadlocks,
    pub temporary: Temporary,
    pub checkpoints: Checkpoints,
    pub vacuum: Vacuum,
    pub sessions: Sessions,
    pub pooler: Pooler,
}

/// An error message with its variables left out.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorCount {
    /// SQLSTATE or error number: the log's own, else the one that the message is known to have.
    pub code: Option<String>,
    /// Whether the log itself has the code.
    pub code_written: bool,
    pub level: Level,
    /// Quoted names and numbers as `…`.
    pub text: String,
    pub count: Counted,
    /// Who had it most often: a role or application.
    pub client: Option<String>,
    pub first: Origin,
}

/// Statements whose durations were logged, as pgBadger counts them: what was executed, not what was parsed and bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queries {
    pub count: u64,
    pub microseconds: u64,
    pub select: u64,
    pub insert: u64,
    pub update: u64,
    pub delete: u64,
    pub parses: u64,
    pub binds: u64,
    /// Durations without a statement (`log_duration`).
    pub bare: u64,
}

/// Quantiles of durations in milliseconds, each within 2 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantiles {
    pub count: u64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

/// A statement with its literals left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub shape: String,
    pub count: u64,
    pub microseconds: u64,
    pub longest_us: u64,
    pub all: Option<Quantiles>,
    pub before: Option<Quantiles>,
    pub during: Option<Quantiles>,
    /// Times it ended in an error.
    pub failed: Counted,
    /// Where the longest stands.
    pub origin: Origin,
}

/// Waits for locks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Locks {
    /// `still waiting`.
    pub waiting: Counted,
    /// `acquired`.
    pub acquired: Counted,
    /// Of those acquired.
    pub waited_us: u64,
    pub longest_us: u64,
    /// Statements that were not granted their lock (55P03, 1205).
    pub timeouts: Counted,
    /// Who waited for whom, most waits first.
    pub blocked: Vec<Blocked>,
}

/// Waiters of one shape behind holders of one shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocked {
    pub mode: String,
    /// `relation 16403`, `transaction`.
    pub object: String,
    pub waiter: String,
    /// The holder's statement; `None` where nothing in the log tells it.
    pub holder: Option<String>,
    pub holder_client: Option<String>,
    pub holder_pid: u64,
    pub waits: u64,
    pub longest_us: u64,
    pub first: Time,
    pub origin: Origin,
}

/// Deadlocks that the server broke.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deadlocks {
    pub count: Counted,
    /// By statements, most frequent first.
    pub pairs: Vec<DeadlockPair>,
}

/// The statements of one kind of deadlock.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadlockPair {
    /// Shapes, in order of their text.
    pub statements: Vec<String>,
    pub count: u64,
    pub origin: Origin,
}

/// Temporary files, which queries write where memory does not do. Sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Temporary {
    pub files: Counted,
    pub bytes: u64,
    pub largest: u64,
    /// The statement of the largest file, where the log has it.
    pub statement: Option<String>,
    pub origin: Option<Origin>,
}

/// Checkpoints of a PostgreSQL server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoints {
    pub started: Counted,
    /// By reason (`time`, `wal`, `immediate force wait`), most frequent first.
    pub reasons: Vec<(String, u64)>,
    pub complete: u64,
    pub buffers: u64,
    pub write_us: u64,
    pub sync_us: u64,
    pub total_us: u64,
    pub longest_us: u64,
    pub wal_added: u64,
    pub wal_removed: u64,
    pub wal_recycled: u64,
    /// `checkpoints are occurring too frequently`.
    pub warnings: u64,
}

/// Automatic vacuums and analyzes of a PostgreSQL server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vacuum {
    pub vacuums: Counted,
    pub analyzes: Counted,
    /// Tables with their automatic vacuums and analyzes, most first.
    pub tables: Vec<(String, u64)>,
}

/// Sessions by `log_connections` and `log_disconnections`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sessions {
    pub received: u64,
    pub authorized: Counted,
    pub ended: Counted,
    pub session_us: u64,
    /// Sessions that were open at most at one time: opened and not closed again by the log.
    pub peak: Option<(u64, Time)>,
    /// By role and database, most first.
    pub by_client: Vec<(String, u64)>,
}

/// What a pooler tells of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pooler {
    pub logins: Counted,
    pub opened: Counted,
    /// Reasons for closing connections, most frequent first; numbers left out.
    pub closed: Vec<(String, Counted)>,
    /// `stats:` lines: transactions a second, seconds a transaction, mean wait in microseconds.
    pub stats: Vec<PoolerStats>,
}

/// One `stats:` line.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolerStats {
    pub time: Time,
    pub transactions_per_s: f64,
    pub transaction_us: f64,
    pub query_us: f64,
    /// Mean wait of a client for a server connection.
    pub wait_us: f64,
    pub origin: Origin,
}

/// A metric of connections, waits or locks.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    pub service: ServiceName,
    pub metric: String,
    /// Largest of all instances summed at an instant.
    pub points: Vec<(Time, f64)>,
    /// The limit that it is to be held against, with its name.
    pub limit: Option<(String, f64)>,
    /// Median before, median and largest during.
    pub before: Option<f64>,
    pub during: Option<f64>,
    pub peak: f64,
    pub peak_at: Time,
}
