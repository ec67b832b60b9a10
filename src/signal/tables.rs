//! Several tables in one Parquet file: all columns of all tables, and one that says of which table a row is. What they mean is not
//! known here.
//!
//! A table is written in row groups of bounded size, in which the columns of the others are empty and cost a few bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use polars::prelude::*;

use super::contained::contained;
use super::pages;

/// Rows of a row group.
const GROUP: usize = 64 * 1024;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Text,
    Whole,
    Number,
    Bytes,
}

/// Cells of a column. Those of one table are equally many in every column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    Text(Vec<Option<String>>),
    Whole(Vec<Option<i64>>),
    Number(Vec<Option<f64>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

/// Names and types of the columns of all tables, in their order.
pub type Columns = [(&'static str, Type)];

/// A file that is being written.
pub struct Writer<W: Write> {
    batches: polars::io::parquet::write::BatchedWriter<W>,
    /// The column that names tables.
    mark: &'static str,
    columns: &'static Columns,
}

impl<W: Write> Writer<W> {
    /// # Errors
    /// What the writer says of the columns.
    pub fn new(out: W, mark: &'static str, columns: &'static Columns) -> Result<Writer<W>, String> {
        let mut schema = Schema::with_capacity(columns.len() + 1);
        schema.insert(mark.into(), DataType::String);
        columns.iter().for_each(|(name, kind)| drop(schema.insert((*name).into(), dtype(*kind))));
        let writer = ParquetWriter::new(out).with_compression(ParquetCompression::Zstd(None)).set_parallel(false);
        Ok(Writer { batches: writer.batched(&schema).map_err(why)?, mark, columns })
    }

    /// Adds rows of a table.
    ///
    /// # Errors
    /// Of writing, and of cells that are not equally many.
    pub fn add(&mut self, table: &str, cells: Vec<(&str, Cells)>) -> Result<(), String> {
        let height = cells.first().map_or(0, |(_, cells)| cells.len());
        if height == 0 {
            return Ok(());
        }
        let mut own: BTreeMap<&str, Column> = cells.into_iter().map(|(name, cells)| (name, cells.into_column(name))).collect();
        let mut columns = vec![Column::new(self.mark.into(), [table]).new_from_index(0, height)];
        for (name, kind) in self.columns {
            columns.push(own.remove(name).unwrap_or_else(|| Column::full_null((*name).into(), height, &dtype(*kind))));
        }
        debug_assert!(own.is_empty(), "{own:?}");
        let frame = DataFrame::new(height, columns).map_err(why)?;
        for from in (0..height).step_by(GROUP) {
            let mut group = frame.slice(i64::try_from(from).unwrap_or(i64::MAX), GROUP);
            group.rechunk_mut();
            let group = DataFrame::new(group.height(), group.columns().iter().map(|c| c.as_materialized_series().clone().into()).collect());
            self.batches.write_batch(&group.map_err(why)?).map_err(why)?;
        }
        Ok(())
    }

    /// # Errors
    /// Of writing.
    pub fn finish(self) -> Result<(), String> {
        self.batches.finish().map_err(why).map(drop)
    }
}

fn dtype(kind: Type) -> DataType {
    match kind {
        Type::Text => DataType::String,
        Type::Whole => DataType::Int64,
        Type::Number => DataType::Float64,
        Type::Bytes => DataType::Binary,
    }
}

fn why(error: PolarsError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

impl Cells {
    fn len(&self) -> usize {
        match self {
            Cells::Text(values) => values.len(),
            Cells::Whole(values) => values.len(),
            Cells::Number(values) => values.len(),
            Cells::Bytes(values) => values.len(),
        }
    }

    fn into_column(self, name: &str) -> Column {
        match self {
            Cells::Text(values) => Column::new(name.into(), values),
            Cells::Whole(values) => Column::new(name.into(), values),
            Cells::Number(values) => Column::new(name.into(), values),
            Cells::Bytes(values) => Column::new(name.into(), values),
        }
    }
}

/// A file that is being read.
pub struct Reader {
    file: File,
    /// The rows of each table; several ranges where it was written in several goes.
    tables: BTreeMap<String, Vec<Range<usize>>>,
}

impl Reader {
    /// Whether a Parquet file has a column of that name.
    pub fn has_column(path: &Path, name: &str) -> bool {
        let Ok(mut file) = File::open(path) else { return false };
        if !pages::has_footer(&mut file).unwrap_or(false) {
            return false;
        }
        contained(|| Ok(ParquetReader::new(file).schema().map_err(why)?.contains(name))).unwrap_or(false)
    }

    /// # Errors
    /// Of opening, of headers that claim what cannot be, and of what is no Parquet file with such a column.
    pub fn open(path: &Path, mark: &str) -> Result<Reader, String> {
        pages::check(&std::fs::read(path).map_err(|e| e.to_string())?)?;
        let file = File::open(path).map_err(|e| e.to_string())?;
        let marks = column(&file, mark, None)?;
        let marks = marks.str().map_err(why)?;
        let mut tables: BTreeMap<String, Vec<Range<usize>>> = BTreeMap::new();
        let mut last: Option<(String, usize)> = None;
        for (row, name) in marks.iter().enumerate() {
            let name = name.unwrap_or_default();
            if last.as_ref().is_some_and(|(last, _)| last == name) {
                continue;
            }
            if let Some((name, from)) = last.replace((name.to_owned(), row)) {
                tables.entry(name).or_default().push(from..row);
            }
        }
        if let Some((name, from)) = last {
            tables.entry(name).or_default().push(from..marks.len());
        }
        Ok(Reader { file, tables })
    }

    /// A column of whole numbers.
    pub fn whole(&self, table: &str, name: &str) -> Result<Vec<Option<i64>>, String> {
        self.cells(table, name, |column| Ok(column.i64().map_err(why)?.iter().collect()))
    }

    /// A column of numbers.
    pub fn numbers(&self, table: &str, name: &str) -> Result<Vec<Option<f64>>, String> {
        self.cells(table, name, |column| Ok(column.f64().map_err(why)?.iter().collect()))
    }

    /// A column of texts.
    pub fn texts(&self, table: &str, name: &str) -> Result<Vec<Option<String>>, String> {
        self.cells(table, name, |column| Ok(column.str().map_err(why)?.iter().map(|text| text.map(str::to_owned)).collect()))
    }

    /// A column of bytes.
    pub fn bytes(&self, table: &str, name: &str) -> Result<Vec<Option<Vec<u8>>>, String> {
        self.cells(table, name, |column| Ok(column.binary().map_err(why)?.iter().map(|bytes| bytes.map(<[u8]>::to_vec)).collect()))
    }

    fn cells<T>(&self, table: &str, name: &str, read: impl Fn(&Column) -> Result<Vec<T>, String>) -> Result<Vec<T>, String> {
        let mut all = Vec::new();
        for rows in self.tables.get(table).into_iter().flatten() {
            all.extend(read(&column(&self.file, name, Some(rows))?)?);
        }
        Ok(all)
    }
}

/// Some rows of a column, or all.
fn column(file: &File, name: &str, rows: Option<&Range<usize>>) -> Result<Column, String> {
    let file = file.try_clone().map_err(|e| e.to_string())?;
    let reader = ParquetReader::new(file).with_columns(Some(vec![name.to_owned()]));
    let table = contained(|| reader.with_slice(rows.map(|rows| (rows.start, rows.len()))).finish().map_err(why))?;
    table.columns().first().cloned().ok_or_else(|| format!("no column {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &Columns = &[("a", Type::Text), ("b", Type::Whole), ("c", Type::Bytes), ("d", Type::Number)];

    #[test]
    fn tables_come_back_from_one_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = Writer::new(file.reopen().unwrap(), "table", COLUMNS).unwrap();
        let long: Vec<Option<i64>> = (0..200_000).map(|i| (i % 7 > 0).then_some(i)).collect();
        writer
            .add("one", vec![("a", Cells::Text(vec![Some("x\u{1b}".into()), None])), ("d", Cells::Number(vec![None, Some(0.1)]))])
            .unwrap();
        writer.add("none", vec![("a", Cells::Text(Vec::new()))]).unwrap();
        writer.add("long", vec![("b", Cells::Whole(long.clone()))]).unwrap();
        writer.add("two", vec![("c", Cells::Bytes(vec![Some(vec![0, 255])])), ("b", Cells::Whole(vec![Some(i64::MIN)]))]).unwrap();
        writer.finish().unwrap();
        let reader = Reader::open(file.path(), "table").unwrap();
        assert_eq!(reader.texts("one", "a").unwrap(), [Some("x\u{1b}".to_owned()), None]);
        assert_eq!(reader.numbers("one", "d").unwrap(), [None, Some(0.1)]);
        assert_eq!(reader.whole("one", "b").unwrap(), [None, None]);
        assert_eq!(reader.whole("long", "b").unwrap(), long);
        assert_eq!(reader.bytes("two", "c").unwrap(), [Some(vec![0, 255])]);
        assert_eq!(reader.whole("two", "b").unwrap(), [Some(i64::MIN)]);
        assert!(reader.whole("none", "b").unwrap().is_empty());
        assert!(Reader::has_column(file.path(), "table") && !Reader::has_column(file.path(), "x"));
        assert!(reader.whole("one", "x").is_err() && reader.whole("one", "a").is_err());
    }
}
