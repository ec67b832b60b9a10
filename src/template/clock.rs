//! Moves the counts of a service in time, for a service whose clock is off. By whole windows, so that no count is split.
//!
//! Does not know how far a clock is off, nor how that was found.

use std::collections::BTreeMap;

use super::cell::Cell;
use super::tally::{Tally, USER_WINDOWS, Users, user_block};
use crate::model::{Time, TimeSpan};

impl Tally {
    /// Moves everything that a service wrote by `windows` windows; users, who are counted in blocks, to the nearest block.
    pub fn move_service(&mut self, service: &str, windows: i64) {
        let Some(symbol) = self.symbols.find(service) else { return };
        let micros = windows.saturating_mul(self.step.micros());
        let moved = |time: Time| Time(time.0.saturating_add(micros));
        for (_, counts) in self.records.iter_mut().filter(|(key, _)| key.service == symbol) {
            counts.windows = counts.windows.renumbered(|window| window.saturating_add(windows));
            (counts.first, counts.last) = (moved(counts.first), moved(counts.last));
            counts.exemplars.iter_mut().for_each(|e| e.time = moved(e.time));
        }
        for (_, counts) in self.requests.iter_mut().filter(|(key, _)| key.service == symbol) {
            counts.arrivals = counts.arrivals.renumbered(|window| window.saturating_add(windows));
            let cells = counts.windows.iter();
            counts.windows =
                cells.map(|(w, cell)| (w.saturating_add(windows), Cell { first_failed: cell.first_failed.map(moved), ..cell })).collect();
        }
        let old = std::mem::take(&mut self.users);
        let place = |(s, block)| if s == symbol { (s, user_block(block + windows + USER_WINDOWS / 2)) } else { (s, block) };
        self.users = old.into_iter().fold(BTreeMap::new(), |mut all, (key, users)| {
            let into: &mut Users = all.entry(place(key)).or_default();
            into.all.merge(&users.all);
            into.failed.merge(&users.failed);
            all
        });
        self.span = self.windows_span().or(self.span);
    }

    /// From the first to the last window with a count.
    fn windows_span(&self) -> Option<TimeSpan> {
        let ends = |first: Option<i64>, last: Option<i64>| first.zip(last);
        let records = self.records.values().filter_map(|c| ends(c.windows.first(), c.windows.last()));
        let requests = self.requests.values().filter_map(|c| ends(c.windows.first(), c.windows.last()));
        let (first, last) = records.chain(requests).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        Some(TimeSpan { start: self.step.start_of(first), end: self.step.start_of(last.saturating_add(1)) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::time::SECOND;
    use crate::model::{Level, Record, Request};
    use crate::template::tally::Place;

    fn tally() -> Tally {
        let path: Arc<str> = Arc::from("x.log");
        let mut tally = Tally::default();
        for (line, (second, service, status)) in [(100, "a", None), (100, "b", None), (130, "a", Some(500))].into_iter().enumerate() {
            let request = status.map(|status| Request { status, user: Some("u".into()), duration: Some(SECOND), ..Request::default() });
            let record =
                Record { time: Time(second * SECOND), message: "pool empty".into(), level: Level::Error, request, ..Record::default() };
            tally.add(&record, Place { service, instance: "", path: &path, line: line as u64 });
        }
        Tally::merged(vec![tally], None)
    }

    #[test]
    fn only_the_service_moves_and_the_span_follows() {
        let mut moved = tally();
        moved.move_service("nobody", 50);
        assert_eq!(moved.records_sorted(), tally().records_sorted());
        moved.move_service("a", -90);
        let windows: Vec<_> = moved
            .records_sorted()
            .into_iter()
            .map(|(k, c)| (moved.symbols.text(k.service).to_owned(), c.windows.first().unwrap()))
            .collect();
        assert_eq!(windows, [("a".to_owned(), 10), ("b".to_owned(), 100)]);
        let (_, requests) = moved.requests_sorted()[0];
        assert_eq!((requests.windows.first().unwrap(), requests.arrivals.first().unwrap()), (40, 39));
        assert_eq!(requests.windows.iter().next().unwrap().1.first_failed, Some(Time(40 * SECOND)));
        assert_eq!(moved.span, Some(TimeSpan { start: Time(10 * SECOND), end: Time(101 * SECOND) }));
        assert_eq!(moved.users.keys().next().unwrap().1, 40);
    }
}
