//! The format files that come with the tool, inside the program. A test insists that the lists are whole.

/// The keys that structured lines use.
pub const COLUMNS: &str = include_str!("../../parsers/columns.toml");

macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../parsers/", $folder, "/", $name, ".toml")))),*]
    };
}

/// Name and text of every file in `parsers/lines`.
pub const LINES: &[(&str, &str)] = files!["lines":
    "docker-json",
    "gunicorn",
    "iso-generic",
    "json-lines",
    "logback",
    "logfmt",
    "mariadb-error",
    "mysql-slow",
    "nginx-access",
    "nginx-error",
    "pgbouncer",
    "postgresql-csvlog",
    "postgresql-jsonlog",
    "postgresql-stderr",
    "python-logging",
    "redis",
    "syslog-rfc3164",
];

/// Name and text of every file in `parsers/messages`.
pub const MESSAGES: &[(&str, &str)] = files!["messages":
    "mysql-error",
    "nginx-upstream",
    "request",
    "trace",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(folder: &str) -> Vec<String> {
        let folder = format!("{}/parsers/{folder}", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
        let mut stems: Vec<String> = files.map(|p| p.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        stems.sort();
        stems
    }

    #[test]
    fn every_file_is_in_its_list() {
        for (folder, list) in [("lines", LINES), ("messages", MESSAGES)] {
            let names: Vec<&str> = list.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, stems(folder), "{folder}");
        }
    }
}
