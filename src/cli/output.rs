//! Where results and messages go: standard output through one locked buffer, standard error, or a file that is whole or absent.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::report::sanitize;

use super::Failure;

/// The two streams of a process, replaceable in tests.
pub struct Streams<'s> {
    pub stdout: Box<dyn Write + 's>,
    pub stderr: Box<dyn Write + 's>,
}

impl Streams<'static> {
    /// Those of this process.
    pub fn of_process() -> Streams<'static> {
        Streams { stdout: Box::new(BufWriter::new(io::stdout().lock())), stderr: Box::new(io::stderr()) }
    }
}

impl Streams<'_> {
    /// Writes a result to standard output. A reader that has gone away (`| head`) has what it wanted.
    pub fn result(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self.stdout.write_all(bytes).and_then(|()| self.stdout.flush()) {
            Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Failure::failed(format!("cannot write to standard output: {e}"), None)),
            _ => Ok(()),
        }
    }

    /// Writes a result that is too long to be held: `write` is given standard output and says what failed.
    pub fn lines(&mut self, write: &mut dyn FnMut(&mut dyn Write, &mut Option<io::Error>)) -> Result<(), Failure> {
        let mut failed = None;
        write(&mut self.stdout, &mut failed);
        match failed {
            Some(e) if e.kind() != ErrorKind::BrokenPipe => Err(Failure::failed(format!("cannot write to standard output: {e}"), None)),
            Some(_) => Ok(()),
            None => self.result(b""),
        }
    }

    /// One line `label: text` on standard error, sanitized.
    pub fn message(&mut self, label: &str, text: &str) {
        self.raw_message(&format!("{label}: {}\n", sanitize(text)));
    }

    /// Text that is ready for standard error.
    pub fn raw_message(&mut self, text: &str) {
        // Nobody is left to be told that nobody can be told.
        let _ = self.stderr.write_all(text.as_bytes()).and_then(|()| self.stderr.flush());
    }
}

/// Writes a file so that readers see the old or the new content, never a part.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failure = |e: io::Error| {
        let hint = match e.kind() {
            ErrorKind::NotFound => Some("its folder does not exist: create it first".to_owned()),
            ErrorKind::IsADirectory => Some("it is a folder: name a file in it".to_owned()),
            _ => None,
        };
        Failure::failed(format!("cannot write {}: {e}", path.display()), hint)
    };
    // Through a link the file it points at is replaced, not the link.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    match fs::metadata(&target) {
        Ok(found) if found.is_dir() => Err(failure(ErrorKind::IsADirectory.into())),
        // A device or pipe must not be replaced by a file.
        Ok(found) if !found.is_file() => OpenOptions::new().write(true).open(&target).and_then(|mut f| f.write_all(bytes)).map_err(failure),
        _ => replace(&target, bytes).map_err(failure),
    }
}

/// Writes a file so that readers see all of it or nothing, as it comes to be.
pub fn write_file_with(path: &Path, write: &mut dyn FnMut(&mut dyn Write) -> Result<(), String>) -> Result<(), Failure> {
    let failure = |e: String| Failure::failed(format!("cannot write {}: {e}", path.display()), None);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|e| failure(e.to_string()))?;
    }
    // Several machines may make the same file at once.
    let instant = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let temporary = beside(path).with_extension(format!("{instant}.tmp"));
    let mut put = || -> Result<(), String> {
        let file = File::create(&temporary).map_err(|e| e.to_string())?;
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        let file = out.into_inner().map_err(|e| e.to_string())?;
        file.sync_all().and_then(|()| fs::rename(&temporary, path)).map_err(|e| e.to_string())
    };
    put().map_err(|e| {
        let _ = fs::remove_file(&temporary);
        failure(e)
    })
}

fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = beside(target);
    let written = write_new(&temporary, bytes).and_then(|()| fs::rename(&temporary, target));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A name in the same folder, because a rename is atomic only within one file system.
fn beside(target: &Path) -> PathBuf {
    let name = target.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    target.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole_and_leave_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        write_file(&path, b"first, longer").unwrap();
        write_file(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links_and_devices_stay_devices() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_file(&link, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        write_file(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn what_cannot_be_written_is_explained() {
        let dir = tempfile::tempdir().unwrap();
        let missing = write_file(&dir.path().join("no/such/folder"), b"").unwrap_err();
        assert!(missing.message.starts_with("cannot write ") && missing.hint.is_some());
        let folder = write_file(dir.path(), b"").unwrap_err();
        assert!(folder.hint.unwrap().contains("folder"));
    }

    struct Gone(ErrorKind);

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_failure_and_a_full_disk_is() {
        let to = |kind| Streams { stdout: Box::new(Gone(kind)), stderr: Box::new(io::sink()) }.result(b"x");
        assert_eq!(to(ErrorKind::BrokenPipe), Ok(()));
        assert!(to(ErrorKind::StorageFull).is_err());
    }
}
