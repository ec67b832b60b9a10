//! Which service a file's path speaks of: `configs/checkout/db.yaml`, `checkout/values.yaml`, `deploy/prod/checkout.yaml`.
//!
//! A guess by the names that people give folders. Does not know which services there are.

/// Folders whose next folder is a service.
const CONTAINERS: [&str; 17] = [
    "config",
    "configs",
    "services",
    "service",
    "apps",
    "applications",
    "charts",
    "helm",
    "releases",
    "deployments",
    "migrations",
    "rollouts",
    "changes",
    "components",
    "base",
    "overlays",
    "flags",
];

/// Names that say what a file or folder holds or where it applies, not whose it is.
const GENERIC: &str = "\
    values config configs configuration conf settings setting application app apps default defaults base common shared main index env \
    environment environments deployment deployments deploy deploys service services statefulset daemonset ingress hpa pdb configmap secret \
    secrets kustomization kustomize chart charts helm release releases template templates manifest manifests overlay overlays resources \
    docker compose dockerfile k8s kubernetes cluster clusters infra infrastructure terraform tf tfplan plan argocd argo gitops flux \
    migration migrations db database databases sql schema flyway liquibase databasechangelog flyway_schema_history changelog history events \
    event audit auditlog audit-log log logs git gitlog git-log change changes export exports data json rs replicasets replicaset rollout \
    rollouts rollout-history github gitlab status statuses cdevents launchdarkly flagsmith flags flag features toggles src etc opt home root \
    tmp var usr resource properties server \
    prod production prd stage staging stg dev development test testing qa uat preprod pre-prod preproduction sandbox local live canary \
    blue green eu us ap region global";

/// The service that a path names; `None` where every part of it is general.
pub(super) fn service_of(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != "." && *part != "..").collect();
    let (file, folders) = parts.split_last()?;
    let contained = (0..folders.len())
        .rev()
        .filter(|at| CONTAINERS.contains(&folders[*at].to_ascii_lowercase().as_str()))
        .find_map(|at| folders.get(at + 1..)?.iter().find(|folder| !is_generic(folder)));
    // A script is called after what it does.
    let is_script = file.to_ascii_lowercase().ends_with(".sql");
    let own = || Some(stem(file)).filter(|stem| !is_script && !is_generic(stem));
    let around = || folders.iter().rev().copied().find(|folder| !is_generic(folder));
    contained.copied().or_else(own).or_else(around).map(str::to_owned)
}

/// The name up to its first dot; a dot file keeps its own.
fn stem(file: &str) -> &str {
    let file = file.trim_start_matches('.');
    file.split('.').next().unwrap_or(file)
}

fn is_generic(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let known = |word: &str| GENERIC.split_whitespace().any(|generic| generic == word);
    let number = |word: &str| {
        let digits = word.trim_start_matches('v');
        !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '_'))
    };
    lower.len() < 2 || known(&lower) || number(&lower) || lower.split(['-', '_', '.']).all(|word| known(word) || number(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_in_paths() {
        for (path, service) in [
            ("configs/parcels/db.yaml", "parcels"),
            ("repo/configs/parcels/prod/1.2.yaml", "parcels"),
            ("parcels/values.yaml", "parcels"),
            ("parcels/values-prod.yaml", "parcels"),
            ("deploy/prod/parcels.yaml", "parcels"),
            ("parcels.properties", "parcels"),
            ("apps/prod/parcels/deployment.yaml", "parcels"),
            ("parcels/src/main/resources/application-prod.yml", "parcels"),
            ("releases/parcels.json", "parcels"),
            ("parcels/.env", "parcels"),
        ] {
            assert_eq!(service_of(path).as_deref(), Some(service), "{path}");
        }
        for path in [
            "",
            "values.yaml",
            "configs/db.yaml",
            "k8s/prod/config.yaml",
            "1.2.yaml",
            "deployments.json",
            "a",
            "../..",
            "db/migrations/V7__x.sql",
        ] {
            assert_eq!(service_of(path), None, "{path}");
        }
    }
}
