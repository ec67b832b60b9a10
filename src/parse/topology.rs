//! `source,target` tables: who calls whom.

use super::suggest;
use crate::model::{ServiceName, Topology};

/// Column names of the caller and of what it calls.
const SOURCES: [&str; 5] = ["source", "caller", "from", "client", "parent"];
const TARGETS: [&str; 6] = ["target", "callee", "to", "destination", "server", "child"];

/// Most rows that are read: more than any call graph has.
const MOST_ROWS: usize = 100_000;

/// Reads a table separated by commas, tabs or semicolons, in any order of columns. Complaints carry their line.
pub fn read(text: &str) -> (Topology, Vec<(u64, String)>) {
    let mut topology = Topology::default();
    let mut complaints = Vec::new();
    let mut lines =
        (1..).zip(text.trim_start_matches('\u{feff}').lines()).filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let Some((first_line, head)) = lines.next() else { return (topology, complaints) };
    let separator = [',', '\t', ';'].into_iter().max_by_key(|c| head.matches(*c).count()).unwrap_or(',');
    let names = cells(head, separator);
    let (source, target) = match (column(&names, &SOURCES), column(&names, &TARGETS)) {
        (Some(source), Some(target)) => (source, target),
        _ => {
            complaints.push((first_line, head_fault(&names)));
            add(&mut topology, &names, (0, 1));
            (0, 1)
        }
    };
    for (row, (line, text)) in lines.enumerate() {
        if row >= MOST_ROWS {
            complaints.push((line, format!("more than {MOST_ROWS} rows: the rest is not read")));
            break;
        }
        if !add(&mut topology, &cells(text, separator), (source, target)) {
            complaints.push((line, "no source and target".to_owned()));
        }
    }
    (topology, complaints)
}

/// Whether the row names two services.
fn add(topology: &mut Topology, row: &[String], (source, target): (usize, usize)) -> bool {
    let name = |column: usize| row.get(column).filter(|cell| !cell.is_empty());
    let (Some(source), Some(target)) = (name(source), name(target)) else { return false };
    topology.add(ServiceName::new(source), ServiceName::new(target));
    true
}

fn column(names: &[String], wanted: &[&str]) -> Option<usize> {
    wanted.iter().find_map(|name| names.iter().position(|cell| cell.eq_ignore_ascii_case(name)))
}

fn head_fault(names: &[String]) -> String {
    let hint = names.iter().map(|name| suggest::hint(name, [SOURCES[0], TARGETS[0]])).find(|hint| !hint.is_empty()).unwrap_or_default();
    format!("the first line does not name the columns source and target{hint}: read as a caller and what it calls")
}

/// The cells of a line; a quote inside quotes is doubled.
fn cells(line: &str, separator: char) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.trim_end_matches('\r').chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                push(&mut cells, '"');
            }
            '"' => quoted = !quoted,
            c if c == separator && !quoted => cells.push(String::new()),
            c => push(&mut cells, c),
        }
    }
    cells.into_iter().map(|cell| cell.trim().to_owned()).collect()
}

fn push(cells: &mut [String], c: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, edges: &[&str], faults: &[u64]) {
        let (topology, complaints) = read(text);
        assert_eq!(topology.edges().map(|(a, b)| format!("{a}>{b}")).collect::<Vec<_>>(), edges, "{text}");
        assert_eq!(complaints.iter().map(|(line, _)| *line).collect::<Vec<_>>(), faults, "{complaints:?}");
    }

    #[test]
    fn tables_in_every_shape() {
        check("", &[], &[]);
        check("source,target\n", &[], &[]);
        check("source,target\nweb,api\n\napi,db\r\n", &["api>db", "web>api"], &[]);
        check("weight\tTarget\tSource\n3\tapi\tweb\n", &["web>api"], &[]);
        check("source;target\n\"a;\"\"b\";c\n", &["a;\"b>c"], &[]);
        check("caller,callee,calls\nweb,api,9\n", &["web>api"], &[]);
    }

    #[test]
    fn faults_are_said_and_the_rest_is_read() {
        check("web,api\napi,db\n", &["api>db", "web>api"], &[1]);
        check("source,target\nweb\n,api\nweb,db\n", &["web>db"], &[2, 3]);
        assert!(read("sorce,target\na,b\n").1[0].1.contains("did you mean \"source\"?"));
    }
}
