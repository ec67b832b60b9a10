//! Where settings come from, and the commands about the program itself.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// The file that flags come from where they are not given.
#[derive(Debug, Args)]
pub struct SettingsArgs {
    /// File of settings; otherwise a whatchanged.toml in the current folder.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Settings")]
    pub config: Option<PathBuf>,

    /// Read no file of settings.
    #[arg(long, global = true, conflicts_with = "config", help_heading = "Settings")]
    pub no_config: bool,
}

/// Arguments of `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The command whose settings are shown, such as `analyze` or `history show`.
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,

    /// Show the settings of all commands, also those that are only defaults.
    #[arg(long, conflicts_with = "command")]
    pub all: bool,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell to complete in.
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder, which is made where there is none.
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
}
