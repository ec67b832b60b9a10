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
    "android-logcat",
    "apache-error",
    "aws-alb",
    "aws-lambda",
    "caddy",
    "cassandra",
    "ci-job",
    "clickhouse",
    "cloudfront",
    "cloudtrail",
    "cloudwatch-export",
    "cluster-syslog",
    "cri",
    "csv-with-header",
    "docker-compose",
    "docker-json",
    "dotnet-console",
    "elasticsearch",
    "envoy",
    "envoy-access",
    "gelf",
    "generic-header",
    "glog",
    "go-std",
    "gunicorn",
    "haproxy",
    "hpc-events",
    "java-util-logging",
    "journald-json",
    "json-lines",
    "kafka",
    "kubectl-timestamps",
    "kubernetes-audit",
    "kubernetes-event",
    "log4j1",
    "logback",
    "logfmt",
    "mariadb-error",
    "mongodb",
    "mysql-slow",
    "nginx-access",
    "nginx-error",
    "oslo-log",
    "otlp-json",
    "pgbouncer",
    "php",
    "pipe-separated",
    "postgresql-csvlog",
    "postgresql-jsonlog",
    "postgresql-stderr",
    "python-logging",
    "rabbitmq",
    "rails-development",
    "redis",
    "ruby-logger",
    "rust-tracing",
    "s3-access",
    "sidekiq",
    "squid",
    "syslog-rfc3164",
    "syslog-rfc5424",
    "tomcat",
    "traefik",
    "uvicorn",
    "w3c-extended",
    "windows-servicing",
];

/// Name and text of every file in `parsers/messages`.
pub const MESSAGES: &[(&str, &str)] = files!["messages":
    "mysql-error",
    "nginx-upstream",
    "request",
    "trace",
];

/// Name and text of every file in `parsers/changes`.
pub const CHANGES: &[(&str, &str)] = files!["changes":
    "argocd",
    "cdevents",
    "flagsmith-audit",
    "flyway",
    "github-deployments",
    "github-releases",
    "gitlab-deployments",
    "helm-history",
    "kubernetes-events",
    "launchdarkly-audit",
    "liquibase",
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
        for (folder, list) in [("lines", LINES), ("messages", MESSAGES), ("changes", CHANGES)] {
            let names: Vec<&str> = list.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, stems(folder), "{folder}");
        }
    }
}
