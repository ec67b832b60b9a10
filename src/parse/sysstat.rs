//! What `sar`, `iostat -xt`, `mpstat`, `pidstat` and `vmstat -t` print, and the semicolon table of `sadf -d`.
//!
//! Columns are named by the header above them, so that versions of the tools need not be told apart. Times of day take their date from the
//! banner and roll over midnight.

mod clocks;
mod columns;

use super::series::labels::{Labels, Setting};
use super::series::{Kind, RawKey, Reading};
use crate::model::{InstanceId, MetricName, SeriesKey, ServiceName, Time};
use clocks::Day;
use columns::{Header, Row};

/// Whose a machine is where neither a banner nor the file's place names it.
const NAMELESS: &str = "host";
/// Threads of the kernel, whose work is the machine's.
const KERNEL_THREADS: [&str; 5] = ["kworker", "ksoftirqd", "migration", "rcu_", "kswapd"];
/// Marks in place of a row: the machine or the collector started again.
const RESTARTS: [&str; 3] = ["LINUX RESTART", "LINUX-RESTART", "COM "];

/// All reports of a text.
///
/// # Errors
/// Nothing was read, most likely since the reports carry no times.
pub fn read(text: &str, setting: &Setting<'_>) -> Result<Reading, String> {
    let mut reports = Reports::new(setting);
    for (number, line) in (1..).zip(text.lines()) {
        if let Err(why) = reports.line(line.trim_end()) {
            reports.reading.misread(number, why);
        }
    }
    reports.reading.unless_empty("report of sysstat or vmstat")
}

/// The state while reports are read.
struct Reports<'s> {
    setting: &'s Setting<'s>,
    reading: Reading,
    host: Option<String>,
    day: Day,
    /// Seconds east of UTC of times without a zone.
    offset: i32,
    header: Option<Header>,
    /// When the report in hand was made (`iostat`: on a line of its own).
    report: Option<Time>,
    /// Reports so far: the first of `iostat` and `vmstat` sums up all time since the machine started.
    reports: u32,
    /// Whether rows for all processors together were seen, which make those for each superfluous.
    all_processors: bool,
}

impl<'s> Reports<'s> {
    fn new(setting: &'s Setting<'s>) -> Self {
        Reports {
            setting,
            reading: Reading::default(),
            host: None,
            day: Day::default(),
            offset: setting.clock.utc_offset,
            header: None,
            report: None,
            reports: 0,
            all_processors: false,
        }
    }

    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let line = line.trim_start();
        let is_summary = line.split_whitespace().next().is_some_and(|word| word.ends_with(':') && word != "Device:" && word != "avg-cpu:");
        if line.is_empty() || is_summary || RESTARTS.iter().any(|mark| line.contains(mark)) || columns::is_vmstat_group(line) {
            return Ok(());
        }
        if let Some((host, date)) = banner(line) {
            self.host = Some(host.to_owned());
            self.day = Day::of(date, self.setting.clock.near);
            (self.header, self.report, self.reports) = (None, None, 0);
            return Ok(());
        }
        if let Some(header) = line.strip_prefix("# hostname;") {
            self.header = Some(Header::new(header.split(';').skip(2)));
            return Ok(());
        }
        match &self.header {
            Some(_) if line.contains(';') => self.semicolon_row(line),
            _ => self.printed(line),
        }
    }

    /// `web-1;600;2023-08-12 14:30:01 UTC;-1;2.01;0.00`.
    fn semicolon_row(&mut self, line: &str) -> Result<(), &'static str> {
        let mut cells = line.splitn(4, ';');
        let (Some(host), Some(_), Some(time), Some(rest)) = (cells.next(), cells.next(), cells.next(), cells.next()) else {
            return Err("a row without its columns");
        };
        self.host = Some(host.to_owned());
        let time = self.setting.clock.read(time, None).ok_or("a time that cannot be read")?;
        self.row(time, &rest.split(';').collect::<Vec<_>>())
    }

    fn printed(&mut self, line: &str) -> Result<(), &'static str> {
        if let Some(header) = Header::of_vmstat(line) {
            self.offset = header.offset.unwrap_or(self.offset);
            self.header = Some(header);
            return Ok(());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(time) = clocks::date_and_clock(&words, self.setting, &self.day) {
            self.report = Some(time);
            self.reports += 1;
            return Ok(());
        }
        if self.header.as_ref().is_some_and(|header| header.vmstat) {
            return self.vmstat_row(&words);
        }
        let (seconds, taken) = clocks::time_of_day(&words);
        let rest = &words[taken..];
        if Header::is_one(rest) {
            self.header = Some(Header::new(rest.iter().copied()));
            return Ok(());
        }
        match seconds {
            Some(seconds) => {
                let time = self.day.at(seconds, self.setting, self.offset).ok_or("a time of day without a date")?;
                self.row(time, rest)
            }
            None => self.row_of_report(rest),
        }
    }

    fn row_of_report(&mut self, cells: &[&str]) -> Result<(), &'static str> {
        // `pidstat -h` begins its rows with seconds since 1970.
        if let Some((first, rest)) = cells.split_first().filter(|(first, _)| first.len() == 10 && first.starts_with('1'))
            && let Some(time) = self.setting.clock.read(first, None)
        {
            return self.row(time, rest);
        }
        let time = self.report.ok_or("a row without a time: print times with -t")?;
        if self.reports < 2 { Ok(()) } else { self.row(time, cells) }
    }

    fn vmstat_row(&mut self, words: &[&str]) -> Result<(), &'static str> {
        let columns = self.header.as_ref().map_or(0, Header::len);
        let stamp = words.get(columns..).filter(|stamp| !stamp.is_empty()).ok_or("a row without a time: print times with -t")?;
        let time = self.setting.clock.read(&stamp.join(" "), None).ok_or("a time that cannot be read")?;
        let zone = i64::from(self.offset - self.setting.clock.utc_offset);
        self.reports += 1;
        if self.reports < 2 { Ok(()) } else { self.row(Time(time.0 - zone * crate::model::time::SECOND), &words[..columns]) }
    }

    fn row(&mut self, time: Time, cells: &[&str]) -> Result<(), &'static str> {
        let header = self.header.as_ref().ok_or("a row without a header")?;
        let Row { processor, command, labels, values } = header.row(cells).ok_or("a row that does not fit its header")?;
        self.all_processors |= processor == Some(true);
        let superfluous = processor == Some(false) && self.all_processors;
        if superfluous || command.as_deref().is_some_and(|c| KERNEL_THREADS.iter().any(|thread| c.starts_with(thread))) {
            return Ok(());
        }
        let named = |metric: &str| self.key(metric, command.as_deref(), &labels);
        let keys: Vec<(RawKey, f64)> = values.into_iter().map(|(metric, value)| (named(&metric), value)).collect();
        for (key, value) in keys {
            let series = self.reading.collected.series(key, Kind::Gauge);
            // Several processes of one program are one service.
            if command.is_some() {
                self.reading.collected.add(series, time, value);
            } else {
                self.reading.collected.push(series, time, value);
            }
        }
        Ok(())
    }

    fn key(&self, metric: &str, command: Option<&str>, labels: &Labels) -> RawKey {
        let host = self.host.as_deref().or(self.setting.service).unwrap_or(NAMELESS);
        let key = SeriesKey {
            service: ServiceName::new(command.unwrap_or(host)),
            metric: MetricName::new(metric),
            instance: command.map(|_| InstanceId::new(host)),
            edge: None,
        };
        RawKey { key, labels: labels.clone() }
    }
}

/// Host and date of `Linux 5.15.0-78-generic (web-1) 08/12/2023 _x86_64_ (4 CPU)`, where tabs stand for the blanks.
fn banner(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("Linux ")?;
    let (_, named) = rest.split_once(" (")?;
    let (host, rest) = named.split_once(')')?;
    let date = rest.split_whitespace().next()?;
    (date.starts_with(|c: char| c.is_ascii_digit()) && date.contains(['/', '-', '.'])).then_some((host, date))
}

#[cfg(test)]
mod tests;
