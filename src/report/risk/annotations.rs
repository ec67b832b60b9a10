//! Risks as pipelines show them: SARIF for code scanning, workflow commands for lines of a pull request.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::text::{sanitize, shorten};
use super::super::wording;
use super::{headline, roll_back, sentence, watch};
use crate::model::{ChangeRisk, Origin, Reason, RiskLevel, Risks};

/// Findings of one change that are told; the first ones carry the level.
const MOST_FINDINGS: usize = 10;

/// Kinds of finding with what they mean.
const RULES: [(&str, &str); 9] = [
    ("key", "A configuration key with a known effect was edited"),
    ("unit", "A value moved by the ratio of two units"),
    ("contradiction", "Two settings contradict each other"),
    ("arithmetic", "A limit does not carry the load that was measured"),
    ("migration", "A migration holds up or takes away what running code relies on"),
    ("shape", "The outline of the change"),
    ("timing", "The moment of the change"),
    ("blast_radius", "How much of the system depends on it"),
    ("history", "What became of earlier changes"),
];

/// SARIF 2.1.0 (OASIS standard, 2020): one result a reason that raises the risk; a change that nothing speaks against has none.
pub fn sarif(risks: &Risks) -> String {
    let rules: Vec<Value> = RULES.iter().map(|(id, text)| json!({ "id": id, "name": id, "shortDescription": { "text": text } })).collect();
    let results: Vec<Value> = risks.changes.iter().flat_map(results).collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "whatchanged", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    crate::report::json_document(&document)
}

fn speaking(risk: &ChangeRisk) -> impl Iterator<Item = &Reason> {
    risk.reasons.iter().filter(|reason| reason.weight > 0.0).take(MOST_FINDINGS)
}

fn results(risk: &ChangeRisk) -> Vec<Value> {
    let level = match risk.level {
        RiskLevel::Critical | RiskLevel::High => "error",
        RiskLevel::Medium => "warning",
        RiskLevel::Low => "note",
    };
    let result = |reason: &Reason| {
        let statement = sentence(&reason.finding);
        let message =
            format!("{}: {statement}. Watch {}. Roll back: {}.", wording::change(&risk.change), watch(risk), roll_back(&risk.change));
        let origin = reason.origin.as_ref().unwrap_or(&risk.change.origin);
        let identity = format!("{}/{}", sanitize(risk.change.id.as_str()), shorten(&statement, 120));
        json!({
            "ruleId": reason.finding.kind(),
            "level": level,
            "message": { "text": message },
            "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(&origin.path) }, "region": { "startLine": origin.line.max(1) } } }],
            "partialFingerprints": { "change/v1": identity },
            "properties": { "change_id": sanitize(risk.change.id.as_str()), "risk_level": risk.level.name(), "score": risk.score, "weight": reason.weight },
        })
    };
    speaking(risk).map(result).collect()
}

/// A path as a relative reference: all but the unreserved characters of RFC 3986 and slashes are escaped.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.trim_start_matches("./").replace('\\', "/").bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) { out.push(char::from(byte)) } else { out += &format!("%{byte:02X}") }
    }
    out
}

/// One workflow command a change of medium risk and above at its worst line, and one line of summary a level.
pub fn github(risks: &Risks) -> String {
    let mut out = String::new();
    let mut levels: BTreeMap<RiskLevel, usize> = BTreeMap::new();
    for risk in &risks.changes {
        *levels.entry(risk.level).or_default() += 1;
        let command = match risk.level {
            RiskLevel::Critical | RiskLevel::High => "error",
            RiskLevel::Medium => "warning",
            RiskLevel::Low => continue,
        };
        let origin: &Origin = speaking(risk).find_map(|reason| reason.origin.as_ref()).unwrap_or(&risk.change.origin);
        let title = format!("{} risk", risk.level.name());
        let body = format!("{}\nwatch {}\nroll back: {}", headline(risk), watch(risk), roll_back(&risk.change));
        let (file, line) = (property(&origin.path), origin.line.max(1));
        out += &format!("::{command} file={file},line={line},title={}::{}\n", property(&title), data(&body));
    }
    let told: Vec<String> = levels.iter().rev().map(|(level, n)| format!("{n} {}", level.name())).collect();
    out += &format!("::notice title=risk of changes::{}\n", data(&if told.is_empty() { "no change".to_owned() } else { told.join(", ") }));
    out
}

/// Text of a workflow command: no line of a log may become a command of its own.
fn data(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(sanitize).collect();
    lines.join("\n").replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(&sanitize(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_a_command_or_a_reference() {
        assert_eq!(data("50 %\n::set-output x"), "50 %25%0A::set-output x");
        assert!(!property("a:b,c\nd").contains([':', ',', '\n']));
        assert_eq!(uri("./a b/ü.yaml"), "a%20b/%C3%BC.yaml");
    }
}
