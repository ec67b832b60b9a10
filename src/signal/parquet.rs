//! Tables of texts and numbers as Parquet files, and back. What they mean is not known here.

use std::io::Cursor;

use polars::prelude::*;

use super::contained::contained;
use super::pages;

/// A column by name; all columns of a table are equally long.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    Text(Vec<Option<String>>),
    Number(Vec<Option<f64>>),
}

/// A file with these columns, without compression: any reader can read it, and the tables are small.
///
/// # Errors
/// What the writer says of columns that differ in length.
pub fn write(columns: Vec<(&str, Cells)>) -> Result<Vec<u8>, String> {
    let height = columns.first().map_or(0, |(_, cells)| cells.len());
    let columns = columns.into_iter().map(|(name, cells)| match cells {
        Cells::Text(values) => Column::new(name.into(), values),
        Cells::Number(values) => Column::new(name.into(), values),
    });
    let mut table = DataFrame::new(height, columns.collect()).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).with_compression(ParquetCompression::Uncompressed).finish(&mut table).map_err(|e| e.to_string())?;
    Ok(bytes)
}

/// The columns of a file, numbers as such and all else as text.
///
/// # Errors
/// What the reader says of bytes that are no Parquet file.
pub fn read(bytes: Vec<u8>) -> Result<Vec<(String, Cells)>, String> {
    contained(|| columns_of(bytes))
}

/// A file that may be hostile as a table, to be called where panics are [contained].
///
/// # Errors
/// What its headers claim that cannot be, and what the reader says.
pub(super) fn table(bytes: Vec<u8>) -> Result<DataFrame, String> {
    pages::check(&bytes)?;
    ParquetReader::new(Cursor::new(bytes)).finish().map_err(|e| first_line(&e))
}

pub(super) fn first_line(error: &PolarsError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn columns_of(bytes: Vec<u8>) -> Result<Vec<(String, Cells)>, String> {
    let table = table(bytes)?;
    let why = |e: PolarsError| first_line(&e);
    let mut columns = Vec::new();
    for column in table.columns() {
        let name = column.name().to_string();
        let cells = if column.dtype().is_primitive_numeric() {
            let cast = column.cast(&DataType::Float64).map_err(why)?;
            Cells::Number(cast.f64().map_err(why)?.iter().collect())
        } else {
            let cast = column.cast(&DataType::String).map_err(why)?;
            Cells::Text(cast.str().map_err(why)?.iter().map(|v| v.map(str::to_owned)).collect())
        };
        columns.push((name, cells));
    }
    Ok(columns)
}

impl Cells {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Cells::Text(values) => values.len(),
            Cells::Number(values) => values.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let text = Cells::Text(vec![Some("é\u{1b}[31m".into()), None, Some(String::new())]);
        let number = Cells::Number(vec![Some(0.1), None, Some(-1e300)]);
        let bytes = write(vec![("a", text.clone()), ("b", number.clone())]).unwrap();
        assert_eq!(read(bytes.clone()).unwrap(), [("a".to_owned(), text), ("b".to_owned(), number)]);
        assert_eq!(&bytes[..4], b"PAR1");
        assert!(read(bytes[..bytes.len() / 2].to_vec()).is_err());
        assert!(read(Vec::new()).is_err());
    }
}
