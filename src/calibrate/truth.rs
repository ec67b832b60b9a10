//! What the examiner keeps beside a case: `truth.json` and `window.json`.
//!
//! The analysis never sees them; whoever calls it reads `window.json` before and `truth.json` after.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::model::{MetricName, ServiceName, Time, TimeSpan};

/// The file that makes a folder a case.
pub const TRUTH: &str = "truth.json";
const WINDOW: &str = "window.json";

/// A cause as a truth names it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct TrueCause {
    pub kind: Option<String>,
    pub service: Option<String>,
    pub change_id: Option<String>,
    pub config_key: Option<String>,
    pub resource: Option<String>,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Truth {
    Quiet,
    Incident { span: TimeSpan, cause: TrueCause, also_accept: Vec<TrueCause> },
}

#[derive(Deserialize)]
struct TruthFile {
    incident: Option<bool>,
    start: Option<String>,
    end: Option<String>,
    cause: Option<TrueCause>,
    also_accept: Option<Vec<TrueCause>>,
}

/// What an operator would know before asking.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    pub incident: Option<(Time, Option<Time>)>,
    pub symptom: Option<(ServiceName, Option<MetricName>)>,
}

#[derive(Deserialize)]
struct WindowFile {
    start: String,
    end: Option<String>,
    alarm: Option<Alarm>,
}

#[derive(Deserialize)]
struct Alarm {
    service: Option<String>,
    metric: Option<String>,
}

/// The truth of the case in `folder`, or why it cannot be told.
pub fn read(folder: &Path) -> Result<Truth, String> {
    let file: TruthFile = parsed(&folder.join(TRUTH))?;
    if file.incident == Some(false) {
        return Ok(Truth::Quiet);
    }
    let start = time(TRUTH, "start", file.start.as_deref().unwrap_or(""))?;
    let end = file.end.as_deref().map(|text| time(TRUTH, "end", text)).transpose()?.unwrap_or(Time::RANGE.end);
    let cause = file.cause.ok_or_else(|| format!("{TRUTH} names no cause"))?;
    Ok(Truth::Incident { span: TimeSpan::new(start, end), cause, also_accept: file.also_accept.unwrap_or_default() })
}

/// What an operator would know of the case in `folder`; `None` where there is no such file.
pub fn window(folder: &Path) -> Result<Option<Window>, String> {
    let path = folder.join(WINDOW);
    if !path.exists() {
        return Ok(None);
    }
    let file: WindowFile = parsed(&path)?;
    let start = time(WINDOW, "start", &file.start)?;
    let end = file.end.as_deref().map(|text| time(WINDOW, "end", text)).transpose()?;
    let symptom = file.alarm.and_then(|alarm| {
        let service = alarm.service.filter(|name| !name.is_empty())?;
        Some((ServiceName::new(&service), alarm.metric.filter(|name| !name.is_empty()).map(|name| MetricName::new(&name))))
    });
    Ok(Some(Window { incident: Some((start, end)), symptom }))
}

fn parsed<T: for<'d> Deserialize<'d>>(path: &Path) -> Result<T, String> {
    let bytes = fs::read(path).map_err(|e| e.to_string())?;
    serde_json::from_slice(&bytes).map_err(|e| format!("{}: {e}", path.file_name().unwrap_or_default().to_string_lossy()))
}

fn time(file: &str, field: &str, text: &str) -> Result<Time, String> {
    Time::parse_rfc3339(text).ok_or_else(|| format!("{file}: {field} \"{text}\" is not a time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), text).unwrap();
        folder
    }

    #[test]
    fn truths_that_cannot_be_used_say_why() {
        for (text, why) in [
            ("", "EOF"),
            ("[]", "invalid"),
            ("{}", "start \"\" is not a time"),
            (r#"{"start": "2024-01-01T00:00:00Z"}"#, "names no cause"),
            (r#"{"start": "2024-01-01T00:00:00Z", "end": "later", "cause": {}}"#, "end \"later\""),
        ] {
            let error = read(folder(TRUTH, text).path()).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(read(tempfile::tempdir().unwrap().path()).is_err());
        assert!(matches!(read(folder(TRUTH, r#"{"incident": false, "start": null}"#).path()), Ok(Truth::Quiet)));
    }

    #[test]
    fn a_window_is_what_an_operator_knows() {
        assert_eq!(window(tempfile::tempdir().unwrap().path()), Ok(None));
        let alarm = |text: &str| window(folder(WINDOW, &format!(r#"{{"start": "2024-01-01T00:00:00Z"{text}}}"#)).path());
        assert_eq!(alarm("").unwrap().unwrap().symptom, None);
        assert_eq!(alarm(r#", "alarm": {"service": "", "metric": "m"}"#).unwrap().unwrap().symptom, None);
        let both = alarm(r#", "alarm": {"service": "s", "metric": "m"}"#).unwrap().unwrap();
        assert_eq!(both.symptom, Some(("s".into(), Some("m".into()))));
        assert!(alarm(r#", "end": "x""#).is_err());
    }
}
