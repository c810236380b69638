//! Files that wait: their bytes come back whole or not at all, and their room is counted.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

const LIMIT: u64 = 10 << 20;

fn key() -> SpoolKey {
    SpoolKey::new([7; 32])
}

fn spool(dir: &Path) -> Spool {
    Spool::open(dir, LIMIT, &HashSet::new()).unwrap()
}

fn plain(length: usize) -> Vec<u8> {
    (0..251u8)
        .map(|at| at.wrapping_mul(31))
        .cycle()
        .take(length)
        .collect()
}

fn write(spool: &Spool, id: &str, bytes: &[u8]) -> Result<Spooled, SpoolError> {
    let mut writer = spool.create(id, &key())?;
    writer.write_all(bytes)?;
    writer.finish()
}

/// What a reader gives before its end or its error.
fn read(spool: &Spool, id: &str, key: &SpoolKey) -> (Vec<u8>, Result<(), SpoolError>) {
    let mut bytes = Vec::new();
    let result = spool.read(id, key).and_then(|mut reader| {
        let read = reader.read_to_end(&mut bytes);
        if read.is_err() {
            reader.read_to_end(&mut bytes).unwrap_err();
        }
        Ok(read.map(|_| ())?)
    });
    (bytes, result)
}

#[test]
fn what_was_written_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(dir.path());
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
        let (id, bytes) = (format!("file-{length}"), plain(length));
        let spooled = write(&spool, &id, &bytes).unwrap();
        assert_eq!(spooled.length, length as u64);
        assert_eq!(spooled.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
        assert_eq!(spooled.head, &bytes[..length.min(8192)]);
        let (found, result) = read(&spool, &id, &key());
        result.unwrap();
        assert!(found == bytes, "{length}");
    }
}

#[test]
fn files_are_ciphertext_for_their_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let spool = spool(&path);
    write(&spool, "a", &[b'a'; 1000]).unwrap();
    let on_disk = fs::read(path.join("a")).unwrap();
    assert!(!on_disk.windows(4).any(|window| window == b"aaaa"));
    assert_eq!(
        fs::metadata(path.join("a")).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

#[test]
fn an_unfinished_file_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(dir.path());
    let mut writer = spool.create("a", &key()).unwrap();
    writer.write_all(&plain(3 * CHUNK)).unwrap();
    assert_eq!(writer.head().len(), 8192);
    assert_eq!(writer.length(), 3 * CHUNK as u64);
    assert!(spool.used() > 0);
    drop(writer);
    assert_eq!(spool.used(), 0);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_cut_or_lengthened_file_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(dir.path());
    let path = dir.path().join("a");
    let bytes = plain(2 * CHUNK + 100);
    write(&spool, "a", &bytes).unwrap();
    let whole = fs::read(&path).unwrap();
    let sealed = CHUNK + TAG;
    for length in [
        0,
        1,
        TAG,
        sealed - 1,
        sealed,
        sealed + TAG,
        2 * sealed,
        whole.len() - 1,
    ] {
        fs::write(&path, &whole[..length]).unwrap();
        let (found, result) = read(&spool, "a", &key());
        assert!(
            matches!(result, Err(SpoolError::Altered)),
            "{length} {result:?}"
        );
        assert!(found == bytes[..found.len()], "{length}");
    }
    for more in [1, TAG, sealed] {
        fs::write(&path, [&whole[..], &vec![0; more]].concat()).unwrap();
        let (found, result) = read(&spool, "a", &key());
        assert!(
            matches!(result, Err(SpoolError::Altered)),
            "{more} {result:?}"
        );
        assert!(found == bytes[..2 * CHUNK], "{more}");
    }
    let swapped = [
        &whole[sealed..2 * sealed],
        &whole[..sealed],
        &whole[2 * sealed..],
    ]
    .concat();
    fs::write(&path, swapped).unwrap();
    let (found, result) = read(&spool, "a", &key());
    assert!(matches!(result, Err(SpoolError::Altered)) && found.is_empty());
    fs::write(&path, whole).unwrap();
    let (found, result) = read(&spool, "a", &SpoolKey::new([8; 32]));
    assert!(matches!(result, Err(SpoolError::Altered)) && found.is_empty());
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(dir.path());
    write(&spool, "a", &plain(3 * CHUNK)).unwrap();
    let mut reader = spool.read("a", &key()).unwrap();
    reader.read_exact(&mut [0; 10]).unwrap();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(dir.path().join("a"))
        .unwrap();
    file.set_len(CHUNK as u64 + 1000).unwrap();
    let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
    assert!(matches!(error.into(), SpoolError::Altered));
}

#[test]
fn writers_together_stay_within_the_room() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 4 * (CHUNK + TAG) as u64, &HashSet::new()).unwrap();
    write(&spool, "a", &plain(2 * CHUNK)).unwrap();
    let mut first = spool.create("b", &key()).unwrap();
    let mut second = spool.create("c", &key()).unwrap();
    first.write_all(&plain(CHUNK + 1)).unwrap();
    second.write_all(&plain(CHUNK + 1)).unwrap();
    assert!(matches!(first.finish(), Err(SpoolError::Full)));
    let error = second.write_all(&plain(3 * CHUNK)).unwrap_err();
    assert!(matches!(error.into(), SpoolError::Full));
    assert!(second.finish().is_err());
    assert_eq!(spool.used(), 2 * (CHUNK + TAG) as u64);
    spool.remove("a").unwrap();
    spool.remove("a").unwrap();
    assert_eq!(spool.used(), 0);
    write(&spool, "b", &plain(4 * CHUNK)).unwrap();
}

#[test]
fn a_full_disk_is_full_too() {
    let full = io::Error::from(io::ErrorKind::StorageFull);
    assert!(matches!(SpoolError::from(full), SpoolError::Full));
    let other = io::Error::from(io::ErrorKind::PermissionDenied);
    assert!(matches!(SpoolError::from(other), SpoolError::Io(_)));
}

#[test]
fn opening_sweeps_what_has_no_row_and_counts_what_has() {
    let dir = tempfile::tempdir().unwrap();
    let before = spool(dir.path());
    for id in ["a", "b"] {
        write(&before, id, &plain(100)).unwrap();
    }
    fs::create_dir(dir.path().join("lost+found")).unwrap();
    let keep = HashSet::from(["b".to_owned(), "gone".to_owned()]);
    let after = Spool::open(dir.path(), LIMIT, &keep).unwrap();
    assert_eq!(after.used(), 100 + TAG as u64);
    assert!(!dir.path().join("a").exists());
    assert!(dir.path().join("lost+found").exists());
    read(&after, "b", &key()).1.unwrap();
}

#[test]
fn an_id_is_used_once_and_is_no_path() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(dir.path());
    write(&spool, "a", b"first").unwrap();
    assert!(matches!(spool.create("a", &key()), Err(SpoolError::Io(_))));
    assert_eq!(read(&spool, "a", &key()).0, b"first");
    for bad in ["", ".", "..", "a/b", "../a", "a.b"] {
        assert!(
            matches!(spool.create(bad, &key()), Err(SpoolError::Io(_))),
            "{bad}"
        );
        assert!(spool.remove(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_key_is_not_shown() {
    assert_eq!(format!("{:?}", key()), "SpoolKey(…)");
}

#[test]
fn room_is_a_quarter_of_the_volume() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(quarter_of_volume(dir.path(), Some(4096)).unwrap(), 1024);
    assert!(quarter_of_volume(dir.path(), None).unwrap() > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn an_altered_byte_is_an_error_before_it_is_given_out(
        length in 1..3 * CHUNK,
        place in any::<prop::sample::Index>(),
        flip in 1..=255u8,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let spool = spool(dir.path());
        let bytes = plain(length);
        write(&spool, "a", &bytes).unwrap();
        let path = dir.path().join("a");
        let mut on_disk = fs::read(&path).unwrap();
        let place = place.index(on_disk.len());
        on_disk[place] ^= flip;
        fs::write(&path, on_disk).unwrap();
        let (found, result) = read(&spool, "a", &key());
        prop_assert!(matches!(result, Err(SpoolError::Altered)));
        prop_assert_eq!(found.len(), place / (CHUNK + TAG) * CHUNK);
        prop_assert!(found == bytes[..found.len()]);
    }
}

#[test]
fn a_reader_goes_anywhere_and_back() {
    use std::io::{Seek, SeekFrom};
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(dir.path());
    for length in [0, 1, CHUNK, 2 * CHUNK, 3 * CHUNK + 5] {
        let (id, bytes) = (format!("file-{length}"), plain(length));
        write(&spool, &id, &bytes).unwrap();
        let mut reader = spool.read(&id, &key()).unwrap();
        assert_eq!(reader.length(), length as u64);
        for place in [
            length,
            0,
            length / 2,
            CHUNK - 1,
            CHUNK,
            CHUNK + 1,
            length + 9,
        ] {
            let place = place.min(length);
            let at = reader.seek(SeekFrom::Start(place as u64)).unwrap();
            assert_eq!(
                (at, reader.stream_position().unwrap()),
                (place as u64, place as u64)
            );
            let mut rest = Vec::new();
            reader.read_to_end(&mut rest).unwrap();
            assert!(rest == bytes[place..], "{length} from {place}");
            assert_eq!(reader.stream_position().unwrap(), length as u64);
        }
        let back = i64::try_from(length.min(7)).unwrap();
        let at = reader.seek(SeekFrom::End(-back)).unwrap();
        assert_eq!(at, (length - length.min(7)) as u64);
    }
}
