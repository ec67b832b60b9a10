//! How far a bundle may reach: into itself, or wherever its links and paths lead.

use clap::Args;

use crate::model::Reach;

/// How far a bundle may reach. Shared by all commands that read one.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ReachArgs {
    /// Read also what links and paths in the bundle lead to outside of it: /etc/passwd, if a stranger's bundle says so.
    #[arg(long, help_heading = "What is read")]
    pub allow_outside: bool,
}

impl ReachArgs {
    /// Where reading may lead.
    pub fn reach(self) -> Reach {
        if self.allow_outside { Reach::Anywhere } else { Reach::Inside }
    }
}
