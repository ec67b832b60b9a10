//! Whether what a Parquet file says of its own sizes can be so, before a reader takes memory for it: polars asks for what a header says, and
//! the program ends where there is not so much.
//!
//! Reads the headers alone: Thrift's compact protocol, as far as Parquet's format uses it. What is in the pages is not known here.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

/// Rows of a table of metrics or of results.
const MOST_ROWS: i64 = 1 << 27;
/// Bytes that a page may unpack to.
const MOST_PAGE: i64 = 1 << 30;
/// Structures and lists inside of each other, and values in one of them.
const DEEPEST: usize = 16;
const MOST_VALUES: usize = 1 << 20;
/// What a file begins and ends with; before the end stands the length of the footer.
const MAGIC: [u8; 4] = *b"PAR1";

/// What a file is when something in it cannot be.
const ABSURD: &str = "parquet: sizes that cannot be";

/// What Parquet's format says of a value. polars reads a field as what its number says, whatever kind the header says that it is: with another kind
/// it would go on at another place than what is checked here, and find other sizes there.
enum Shape {
    /// Of any width: they are written alike.
    Whole,
    Byte,
    Truth,
    Bytes,
    List(&'static Shape),
    /// Fields by number, from 1; further ones may be anything.
    Structure(&'static [Shape]),
}

use Shape::{Byte, Bytes, List, Structure, Truth, Whole};

/// <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>: FileMetaData.
const FOOTER: &[Shape] =
    &[Whole, List(&Structure(COLUMN)), Whole, List(&Structure(GROUP)), List(&PAIR), Bytes, List(&NOTHING), NOTHING, Bytes];
/// SchemaElement.
const COLUMN: &[Shape] = &[Whole, Whole, Whole, Bytes, Whole, Whole, Whole, Whole, Whole, Structure(LOGICAL)];
/// LogicalType.
const LOGICAL: &[Shape] = &[
    NOTHING,
    NOTHING,
    NOTHING,
    NOTHING,
    Structure(&[Whole, Whole]),
    NOTHING,
    TIME,
    TIME,
    NOTHING,
    Structure(&[Byte, Truth]),
    NOTHING,
    NOTHING,
    NOTHING,
    NOTHING,
    NOTHING,
    Structure(&[Byte]),
    Structure(&[Bytes]),
    Structure(&[Bytes, Whole]),
];
const TIME: Shape = Structure(&[Truth, Structure(&[NOTHING, NOTHING, NOTHING])]);
const NOTHING: Shape = Structure(&[]);
/// KeyValue.
const PAIR: Shape = Structure(&[Bytes, Bytes]);
/// RowGroup.
const GROUP: &[Shape] = &[List(&Structure(CHUNK)), Whole, Whole, List(&Structure(&[Whole, Truth, Truth])), Whole, Whole, Whole];
/// ColumnChunk, and its ColumnMetaData.
const CHUNK: &[Shape] = &[Bytes, Whole, Structure(CHUNK_DATA), Whole, Whole, Whole, Whole, NOTHING, Bytes];
const CHUNK_DATA: &[Shape] = &[
    Whole,
    List(&Whole),
    List(&Bytes),
    Whole,
    Whole,
    Whole,
    Whole,
    List(&PAIR),
    Whole,
    Whole,
    Whole,
    STATISTICS,
    List(&Structure(&[Whole, Whole, Whole])),
    Whole,
    Whole,
    Structure(&[Whole, List(&Whole), List(&Whole)]),
    NOTHING,
];
const STATISTICS: Shape = Structure(&[Bytes, Bytes, Whole, Whole, Bytes, Bytes, Truth, Truth]);
/// PageHeader, with the three kinds of page.
const PAGE: &[Shape] = &[
    Whole,
    Whole,
    Whole,
    Whole,
    Structure(&[Whole, Whole, Whole, Whole, STATISTICS]),
    NOTHING,
    Structure(&[Whole, Whole, Truth]),
    Structure(&[Whole, Whole, Whole, Whole, Whole, Whole, Truth, STATISTICS]),
];

impl Shape {
    /// Whether Thrift writes it as that kind.
    fn is_kind(&self, kind: u8) -> bool {
        match self {
            Truth => matches!(kind, 1 | 2),
            Byte => kind == 3,
            Whole => matches!(kind, 4..=6),
            Bytes => kind == 8,
            List(_) => kind == 9,
            Structure(_) => kind == 12,
        }
    }
}

/// Whether the footer of a file can be read as its format says.
///
/// # Errors
/// Of reading.
pub fn has_footer(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    Ok(footer(file)?.is_some_and(|footer| Thrift { rest: &footer }.structure(FOOTER, 0).is_some()))
}

/// # Errors
/// A size that is negative, or larger than what holds it. What is no Parquet file at all is for its reader to tell.
pub fn check(file: &[u8]) -> Result<(), String> {
    let Ok(Some(footer)) = footer(&mut Cursor::new(file)) else { return Ok(()) };
    match check_groups(file, &footer) {
        Some(true) => Ok(()),
        Some(false) => Err(ABSURD.to_owned()),
        None => Err("parquet: headers that cannot be read".to_owned()),
    }
}

/// What stands before the length and the magic number that a file ends with; `None` where it does not end so.
fn footer(file: &mut (impl Read + Seek)) -> io::Result<Option<Vec<u8>>> {
    let (mut length, mut magic) = ([0; 4], [0; MAGIC.len()]);
    let end = (length.len() + magic.len()) as i64;
    file.seek(SeekFrom::End(-end))?;
    file.read_exact(&mut length)?;
    file.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Ok(None);
    }
    let length = u32::from_le_bytes(length);
    file.seek(SeekFrom::End(-end - i64::from(length)))?;
    let mut footer = Vec::new();
    file.take(u64::from(length)).read_to_end(&mut footer)?;
    Ok(Some(footer))
}

/// `None` where a header cannot be read.
fn check_groups(file: &[u8], footer: &[u8]) -> Option<bool> {
    let footer = Thrift { rest: footer }.structure(FOOTER, 0)?;
    if !(0..=MOST_ROWS).contains(&footer.field(3)?.number()?) {
        return Some(false);
    }
    for group in footer.field(4)?.list() {
        let rows = group.field(3)?.number()?;
        if !(0..=MOST_ROWS).contains(&rows) {
            return Some(false);
        }
        for column in group.field(1)?.list() {
            if !check_column(file, column.field(3)?, rows)? {
                return Some(false);
            }
        }
    }
    Some(true)
}

/// The pages of a column of a group of rows, one behind the other.
fn check_column(file: &[u8], column: &Value, rows: i64) -> Option<bool> {
    let number = |id| column.field(id).and_then(Value::number);
    let (values, length) = (number(5)?, number(7)?);
    let begin = number(11).or(number(9))?;
    let bounds = usize::try_from(begin).ok().zip(usize::try_from(length).ok());
    let Some(mut pages) = bounds.and_then(|(begin, length)| file.get(begin..begin.checked_add(length)?)) else { return Some(false) };
    // A table has one value a row; a list in it may have more.
    if !(0..=MOST_ROWS).contains(&values) || (rows == 0 && values > 0) {
        return Some(false);
    }
    while !pages.is_empty() {
        let mut thrift = Thrift { rest: pages };
        let page = thrift.structure(PAGE, 0)?;
        let body = usize::try_from(page.field(3)?.number()?).ok().and_then(|size| thrift.rest.get(size..));
        let (Some(behind), true) = (body, check_page(&page, values)?) else { return Some(false) };
        pages = behind;
    }
    Some(true)
}

/// A page of data, of a dictionary, or of data in the second version.
fn check_page(page: &Value, values: i64) -> Option<bool> {
    let size = page.field(2)?.number()?;
    let within = |number: i64, most: i64| (0..=most).contains(&number);
    let data = page.field(5).is_none_or(|data| data.field(1).and_then(Value::number).is_some_and(|n| within(n, values)));
    let words = page.field(7).is_none_or(|words| words.field(1).and_then(Value::number).is_some_and(|n| within(n, size.max(values))));
    let second = page.field(8).is_none_or(|data| {
        let number = |id| data.field(id).and_then(Value::number);
        let levels = |id| number(id).is_none_or(|bytes| within(bytes, size));
        (1..=3).all(|id| number(id).is_some_and(|n| within(n, values))) && levels(5) && levels(6)
    });
    Some(within(size, MOST_PAGE) && data && words && second)
}

/// What a header holds, as far as it is asked for.
#[derive(Debug, PartialEq)]
enum Value {
    Number(i64),
    List(Vec<Value>),
    Structure(Vec<(i16, Value)>),
    Other,
}

impl Value {
    fn field(&self, id: i16) -> Option<&Value> {
        let Value::Structure(fields) = self else { return None };
        fields.iter().find(|field| field.0 == id).map(|field| &field.1)
    }

    fn number(&self) -> Option<i64> {
        if let Value::Number(number) = self { Some(*number) } else { None }
    }

    fn list(&self) -> &[Value] {
        if let Value::List(values) = self { values } else { &[] }
    }
}

/// Thrift's compact protocol.
struct Thrift<'b> {
    rest: &'b [u8],
}

impl<'b> Thrift<'b> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn skip(&mut self, bytes: u64) -> Option<Value> {
        self.rest = self.rest.get(usize::try_from(bytes).ok()?..)?;
        Some(Value::Other)
    }

    /// LEB128.
    fn whole(&mut self) -> Option<u64> {
        let mut value = 0;
        for place in 0..10 {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.whole()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn structure(&mut self, shapes: &[Shape], depth: usize) -> Option<Value> {
        let mut fields = Vec::new();
        let mut id = 0_i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(Value::Structure(fields));
            }
            id = if head >> 4 == 0 { i16::try_from(self.signed()?).ok()? } else { id.checked_add(i16::from(head >> 4))? };
            let shape = usize::try_from(id).ok().and_then(|id| shapes.get(id.checked_sub(1)?));
            // A truth stands in the head.
            let value = match head & 15 {
                1 | 2 if shape.is_none_or(|shape| shape.is_kind(1)) => Value::Other,
                kind => self.value(kind, shape, depth + 1)?,
            };
            fields.push((id, value));
        }
    }

    /// `shape`: what it must be, where that is known. A list of truths, which readers take for one of no bytes, is in none of these headers.
    fn value(&mut self, kind: u8, shape: Option<&Shape>, depth: usize) -> Option<Value> {
        if depth > DEEPEST || shape.is_some_and(|shape| !shape.is_kind(kind)) {
            return None;
        }
        match kind {
            3 => self.skip(1),
            4..=6 => self.signed().map(Value::Number),
            7 => self.skip(8),
            8 => self.whole().and_then(|bytes| self.skip(bytes)),
            9 | 10 => self.values(if let Some(List(of)) = shape { Some(of) } else { None }, depth),
            12 => self.structure(if let Some(Structure(fields)) = shape { fields } else { &[] }, depth),
            _ => None,
        }
    }

    fn values(&mut self, shape: Option<&Shape>, depth: usize) -> Option<Value> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { usize::try_from(self.whole()?).ok()? } else { usize::from(head >> 4) };
        let mut values = Vec::new();
        for _ in 0..Some(count).filter(|count| *count <= MOST_VALUES)? {
            values.push(self.value(head & 15, shape, depth + 1)?);
        }
        Some(Value::List(values))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parquet::{Cells, write};
    use super::*;

    fn file() -> Vec<u8> {
        let numbers = (0..3_000).map(|i| (i % 7 > 0).then(|| f64::from(i))).collect();
        let texts = (0..3_000).map(|i| Some(format!("text {}", i % 11))).collect();
        write(vec![("number", Cells::Number(numbers)), ("text", Cells::Text(texts))]).unwrap()
    }

    #[test]
    fn what_is_written_can_be() {
        assert_eq!(check(&file()), Ok(()));
        assert_eq!(check(&write(vec![("none", Cells::Number(Vec::new()))]).unwrap()), Ok(()));
        assert_eq!(check(b"no such file"), Ok(()));
    }

    /// A varint of five bytes for the number of values of the first page: -1.
    #[test]
    fn a_page_of_less_than_no_values_cannot_be() {
        let mut file = file();
        let mut thrift = Thrift { rest: &file[4..] };
        let values = thrift.structure(PAGE, 0).unwrap();
        let header = file.len() - 4 - thrift.rest.len();
        let shown = values.field(5).or(values.field(7)).and_then(|page| page.field(1)).and_then(Value::number).unwrap();
        let (low, high) = (((shown * 2) & 0x7f) as u8 | 0x80, ((shown * 2) >> 7) as u8);
        let at = file[4..4 + header].windows(2).position(|pair| pair == [low, high]).unwrap_or(usize::MAX);
        if at == usize::MAX {
            let at = file[4..4 + header].iter().position(|byte| i64::from(*byte) == shown * 2).unwrap();
            file[4 + at] = 1;
        } else {
            file[4 + at..4 + at + 2].copy_from_slice(&[0x81, 0]);
        }
        assert_eq!(check(&file), Err(ABSURD.to_owned()));
    }

    /// A file of nothing but a footer.
    fn of_footer(footer: &[u8]) -> Vec<u8> {
        [&MAGIC, footer, &(footer.len() as u32).to_le_bytes(), &MAGIC].concat()
    }

    #[test]
    fn what_readers_would_read_otherwise_cannot_be_read() {
        // Version 1, no columns, no rows, no groups.
        let whole = [0x15, 2, 0x19, 0x0c, 0x16, 0, 0x19, 0x0c];
        let with = |more: &[u8]| of_footer(&[&whole, more, &[0]].concat());
        let many = [0xff, 0xff, 0xff, 0x7f];
        let of_whole = with(&[]);
        assert_eq!(check(&of_whole), Ok(()));
        assert!(has_footer(&mut Cursor::new(of_whole)).unwrap());
        // A list of truths behind them; a list where a text must be; a text where the version must be.
        let truths = with(&[&[0xd9, 0xf2], many.as_slice()].concat());
        let list = with(&[0x29, 0x1c, 0]);
        let text = of_footer(&[&[0x18, 1, b'x'], &whole[2..], &[0]].concat());
        for file in [truths, list, text] {
            assert!(check(&file).is_err(), "{file:?}");
            assert!(!has_footer(&mut Cursor::new(file)).unwrap());
        }
        assert!(has_footer(&mut Cursor::new(of_footer(&[]).split_off(5))).is_err());
    }
}
