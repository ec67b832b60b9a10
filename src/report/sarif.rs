//! Findings on lines of configuration and of change records, as SARIF 2.1.0 (OASIS), for tools that show results beside code.

use serde::Serialize;

use crate::model::{Analysis, Cause, Origin, Verdict};

use super::text::{confidence, sanitize};
use super::{actions, sentences, wording};

/// Below this confidence a finding is a note.
const LIKELY: f64 = 0.7;
const POSSIBLE: f64 = 0.2;
/// Findings below this are noise in a code review.
const LEAST: f64 = 0.02;

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
struct Run {
    tool: Tool,
    results: Vec<Finding>,
    #[serde(rename = "columnKind")]
    column_kind: &'static str,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    rules: [Rule; 2],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    name: &'static str,
    short_description: Text,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: Vec<Location>,
    related_locations: Vec<Location>,
    partial_fingerprints: Fingerprints,
    /// 0 to 100.
    rank: f64,
}

#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "whatchanged/v1")]
    v1: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u64,
}

const RULES: [(&str, &str, &str); 2] = [
    ("cause/config-key", "ConfigurationCausedIncident", "An edited configuration key that probably caused an incident"),
    ("cause/change", "ChangeCausedIncident", "A change that probably caused an incident"),
];

/// The findings as one SARIF document with a final newline.
pub fn render(analysis: &Analysis) -> String {
    let rule =
        |(id, name, text): (&'static str, &'static str, &'static str)| Rule { id, name, short_description: Text { text: text.to_owned() } };
    let version = env!("CARGO_PKG_VERSION");
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool { driver: Driver { name: "whatchanged", version, semantic_version: version, rules: RULES.map(rule) } },
            results: analysis.verdicts.iter().flat_map(|v| v.causes.iter().filter_map(|c| finding(analysis, v, c))).collect(),
            column_kind: "unicodeCodePoints",
        }],
    };
    super::json_document(&log)
}

fn finding(analysis: &Analysis, verdict: &Verdict, cause: &Cause) -> Option<Finding> {
    let change = cause.change.as_deref().filter(|_| cause.confidence >= LEAST)?;
    let keyed = cause.key.as_ref().and_then(|k| k.origin.clone());
    let rule_index = usize::from(keyed.is_none());
    let reason =
        cause.evidence.iter().find(|e| e.supports()).map(|e| format!(" {}.", sentences::sentence_within(e, 300))).unwrap_or_default();
    let text = format!(
        "{} probably caused an incident on {} ({}): {}.{reason} {}",
        wording::title(cause),
        verdict.incident.span.start.rfc3339(),
        confidence(cause.confidence),
        wording::headline(&verdict.incident),
        actions::advise(analysis, cause).join(" ")
    );
    let related = cause.evidence.iter().flat_map(|e| e.origins.first().map(|o| location(o, Some(sentences::sentence_within(e, 200)))));
    Some(Finding {
        rule_id: RULES[rule_index].0,
        rule_index,
        level: match cause.confidence {
            c if c >= LIKELY => "error",
            c if c >= POSSIBLE => "warning",
            _ => "note",
        },
        message: Text { text: text.trim_end().to_owned() },
        locations: vec![location(keyed.as_ref().unwrap_or(&change.origin), None)],
        related_locations: related.take(6).collect(),
        partial_fingerprints: Fingerprints {
            v1: format!(
                "{}/{}/{}",
                sanitize(cause.service.as_str()),
                sanitize(change.id.as_str()),
                cause.key.as_ref().map(|k| sanitize(k.key.as_str())).unwrap_or_default()
            ),
        },
        rank: (cause.confidence * 1000.0).round() / 10.0,
    })
}

fn location(origin: &Origin, message: Option<String>) -> Location {
    Location {
        physical_location: Place {
            artifact_location: Artifact { uri: uri(&origin.path) },
            region: (origin.line > 0).then_some(Region { start_line: origin.line }),
        },
        message: message.map(|text| Text { text }),
    }
}

/// A path as a relative URI reference (RFC 3986).
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn the_key_is_found_on_its_line() {
        let log: serde_json::Value = serde_json::from_str(&render(&samples::rich())).unwrap();
        let result = &log["runs"][0]["results"][0];
        assert_eq!((&result["ruleId"], &result["level"]), (&"cause/config-key".into(), &"error".into()));
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!((&place["artifactLocation"]["uri"], &place["region"]["startLine"]), (&"configs/orders/4.2.0.yaml".into(), &13.into()));
        assert!(result["message"]["text"].as_str().unwrap().contains("db.pool.max_size 15 -> 1"));
        let quiet: serde_json::Value = serde_json::from_str(&render(&samples::quiet())).unwrap();
        assert_eq!(quiet["runs"][0]["results"], serde_json::json!([]));
    }

    #[test]
    fn hostile_texts_stay_text() {
        let text = render(&samples::hostile());
        assert!(text.chars().all(|c| c == '\n' || !crate::report::text::is_harmful(c)));
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
        assert_eq!(uri("a b/ü<.yaml"), "a%20b/%C3%BC%3C.yaml");
    }
}
