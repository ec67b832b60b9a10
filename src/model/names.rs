//! Names as types of their own, so that a service cannot be passed where an instance is meant.
//!
//! All are shared text: cloning one copies a pointer.

use std::fmt;
use std::sync::Arc;

macro_rules! name {
    ($(#[$doc:meta] $name:ident),* $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as written.
            pub fn new(text: &str) -> Self {
                $name(Arc::from(text))
            }

            /// The name as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

name! {
    /// A service (OpenTelemetry `service.name`), a database and a load balancer included.
    ServiceName,
    /// One running copy of a service (OpenTelemetry `service.instance.id`).
    InstanceId,
    /// The unique name of a recorded change.
    ChangeId,
    /// A configuration key with its nesting flattened, such as `db.pool.max_size`.
    ConfigKey,
    /// The name of a metric as its source spells it.
    MetricName,
}

impl ServiceName {
    /// The service of changes that concern everything (`*`).
    pub fn is_everything(&self) -> bool {
        self.as_str() == "*"
    }
}

/// A place in the input that a person can look up: a path inside the bundle and a line from 1 (0: the whole file).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    pub path: Arc<str>,
    pub line: u64,
}

impl Origin {
    /// A line of a file, counted from 1.
    pub fn new(path: &Arc<str>, line: u64) -> Origin {
        Origin { path: Arc::clone(path), line }
    }

    /// The path of what is meant where it is no single file, but all of the bundle.
    pub const BUNDLE: &'static str = ".";

    /// The place where a file as a whole is meant.
    pub fn file(path: &str) -> Origin {
        Origin { path: Arc::from(path), line: 0 }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.path),
            line => write!(f, "{}:{line}", self.path),
        }
    }
}
