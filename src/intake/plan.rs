//! What can be summarised apart: files, and stretches of those logs that can be cut. A line of JSON each, so that whoever spreads the work
//! needs to know nothing of logs.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Complaint, InstanceId, Options, Origin, ServiceName, Time};
use crate::parse::{Formats, piece};
use crate::read::{Bundle, Content, Source, SourceKind};

/// A file or a stretch of one, with all that its place in the bundle says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// Where it is opened.
    pub path: PathBuf,
    /// What reports call it.
    pub source: String,
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Of the whole file, as it lies on the disk.
    pub bytes: u64,
    /// An instant near its records, in microseconds since 1970, for times without a year or a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near_us: Option<i64>,
    /// An instant that its records are not after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_us: Option<i64>,
    /// The stretch is made of the lines that begin at these bytes; the whole file where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// Whether it may be cut into stretches.
    #[serde(default)]
    pub cut: bool,
    /// Nothing can be read, and this is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complaint: Option<String>,
}

impl Planned {
    fn of(source: &Source) -> Planned {
        Planned {
            path: source.path.clone(),
            source: source.shown.to_string(),
            kind: source.kind.name().to_owned(),
            service: source.service.as_ref().map(ToString::to_string),
            instance: source.instance.as_ref().map(ToString::to_string),
            bytes: source.bytes,
            near_us: source.near.map(|time| time.0),
            latest_us: source.latest.map(|time| time.0),
            ..Planned::default()
        }
    }

    /// The file.
    ///
    /// # Errors
    /// An unknown kind.
    pub fn as_source(&self) -> Result<Source, String> {
        Ok(Source {
            path: self.path.clone(),
            shown: Arc::from(self.source.as_str()),
            kind: SourceKind::from_name(&self.kind).ok_or_else(|| format!("no kind of file is called '{}'", self.kind))?,
            service: self.service.as_deref().map(ServiceName::new),
            instance: self.instance.as_deref().map(InstanceId::new),
            bytes: self.bytes,
            near: self.near_us.map(Time),
            latest: self.latest_us.map(Time),
            content: Content::File,
        })
    }

    /// The bytes, where it is not the whole file.
    pub fn range(&self) -> Option<Range<u64>> {
        let range = self.start.unwrap_or(0)..self.end.unwrap_or(self.bytes).min(self.bytes);
        (self.start.is_some() || self.end.is_some()).then_some(range).filter(|range| *range != (0..self.bytes))
    }

    /// What it tells of a file that cannot be read.
    pub fn as_complaint(&self) -> Option<Complaint> {
        self.complaint.as_ref().map(|why| Complaint { origin: Origin::file(&self.source), why: why.clone(), more: 0 })
    }
}

/// The pieces of a bundle, those of one file in the order of their bytes. `split`: about so many bytes in each.
pub fn plan(bundle: &Bundle, formats: &Formats, options: &Options, split: Option<u64>) -> Vec<Planned> {
    let complaint = |complaint: &Complaint| Planned {
        source: complaint.origin.path.to_string(),
        kind: SourceKind::Skipped.name().to_owned(),
        complaint: Some(complaint.why.clone()),
        ..Planned::default()
    };
    let mut all: Vec<Planned> = bundle.complaints.iter().map(complaint).collect();
    for source in &bundle.sources {
        let cut = source.kind == SourceKind::Log && piece::can_be_cut(source, formats, options.utc_offset);
        let planned = Planned { cut, ..Planned::of(source) };
        let pieces = split.filter(|_| cut).map_or(1, |split| source.bytes.div_ceil(split.max(1)).max(1));
        if pieces == 1 {
            all.push(planned);
            continue;
        }
        let at = |i: u64| (u128::from(source.bytes) * u128::from(i) / u128::from(pieces)) as u64;
        all.extend((0..pieces).map(|i| Planned { start: Some(at(i)), end: Some(at(i + 1)), ..planned.clone() }));
    }
    all
}
