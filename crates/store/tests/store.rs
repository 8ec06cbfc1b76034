//! The store's promises, from outside.
#![expect(clippy::unwrap_used, reason = "a test's helper fails the test")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use glidepath_store::{Batch, Expected, Store, StoreError};

async fn open(path: &Path) -> Store {
    Store::open(path).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_versioned_and_listed_by_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("deep/er #1?.db")).await;
    assert_eq!(store.get("c", "k").await.unwrap(), None);
    assert_eq!(store.put("c", "k", "1", Expected::Absent).await.unwrap(), 1);
    assert_eq!(store.put("c", "k", "2", Expected::Version(1)).await.unwrap(), 2);
    assert_eq!(store.put("c", "k", "3", Expected::Anything).await.unwrap(), 3);
    let conflict = store.put("c", "k", "4", Expected::Version(2)).await.unwrap_err();
    assert_eq!(conflict, StoreError::Conflict { collection: "c".into(), key: "k".into(), found: Some(3) });
    let conflict = store.put("c", "none", "4", Expected::Version(2)).await.unwrap_err();
    assert_eq!(conflict.to_string(), "document `none` in `c` is at no version: it does not exist");
    assert_eq!(store.get("c", "k").await.unwrap().unwrap().body, "3");

    for key in ["a/1", "a/2", "a-", "b", "é"] {
        store.put("l", key, "", Expected::Anything).await.unwrap();
    }
    let keys = |documents: Vec<glidepath_store::Document>| documents.into_iter().map(|d| d.key).collect::<Vec<_>>();
    assert_eq!(keys(store.list("l", "a/").await.unwrap()), ["a/1", "a/2"]);
    assert_eq!(keys(store.list("l", "").await.unwrap()), ["a-", "a/1", "a/2", "b", "é"]);
    assert!(store.delete("l", "b").await.unwrap());
    assert!(!store.delete("l", "b").await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("s.db")).await;
    let mut batch = Batch::new();
    batch.put("c", "a", "1").append("j", "e", 7).put_expecting("c", "b", "1", Expected::Version(9));
    assert!(matches!(store.write(batch.clone()).await, Err(StoreError::Conflict { .. })));
    assert_eq!(store.get("c", "a").await.unwrap(), None);
    assert_eq!(store.read("j", 0).await.unwrap(), []);
    let mut batch = Batch::new();
    batch.put("c", "a", "1").append("j", "e", 7).delete("c", "zz");
    assert_eq!(store.write(batch).await.unwrap(), [1, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reopening_keeps_everything_and_streams_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    {
        let store = open(&path).await;
        store.put("c", "k", "v", Expected::Anything).await.unwrap();
        assert_eq!(store.append("j", "one", 1).await.unwrap(), 1);
    }
    let store = open(&path).await;
    assert_eq!(store.get("c", "k").await.unwrap().unwrap().body, "v");
    assert_eq!(store.append("j", "two", 2).await.unwrap(), 2);
    assert_eq!(store.append("other", "x", 2).await.unwrap(), 1);
    let entries: Vec<_> = store.read("j", 1).await.unwrap().into_iter().map(|e| (e.sequence, e.at, e.entry)).collect();
    assert_eq!(entries, [(2, 2, "two".to_owned())]);
    store.close().await;
    assert_eq!(store.append("j", "x", 3).await.unwrap_err().code(), "store/closed");
    assert_eq!(open(&path).await.read("j", 0).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_owner_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let first = open(&path).await;
    let error = Store::open(&path).await.unwrap_err();
    assert_eq!(error, StoreError::Locked { path: path.clone() });
    drop(first);
    open(&path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_files_are_told_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.db");
    std::fs::write(&path, "this is not a database at all, it is a letter".repeat(40)).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("this is not"));

    let path = folder.path().join("damaged.db");
    let store = open(&path).await;
    for i in 0..500 {
        store.put("c", &format!("k{i}"), "x".repeat(300), Expected::Anything).await.unwrap();
    }
    store.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    for byte in &mut bytes[4096..half] {
        *byte = 0x5a;
    }
    std::fs::write(&path, &bytes).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    std::fs::write(&path, &bytes[..half]).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");

    let error = Store::open(&path.join("below-a-file/s.db")).await.unwrap_err();
    assert!(matches!(error, StoreError::NotWritable { .. }), "{error:?}");
    let error = Store::open(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::NotWritable { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_single_writers_share_commits() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("s.db")).await;
    let started = Instant::now();
    let tasks: Vec<_> = (0..500)
        .map(|i| {
            let store = store.clone();
            tokio::spawn(async move {
                store.append("j", format!("{i}"), i).await.unwrap();
                store.put("c", "same", format!("{i}"), Expected::Anything).await.unwrap()
            })
        })
        .collect();
    let mut versions = Vec::new();
    for task in tasks {
        versions.push(task.await.unwrap());
    }
    versions.sort_unstable();
    assert_eq!(versions, (1..=500).collect::<Vec<_>>());
    assert_eq!(store.read("j", 0).await.unwrap().len(), 500);
    println!("1,000 single writes by 500 callers: {:?}", started.elapsed());
    let started = Instant::now();
    for i in 0..500 {
        store.append("one", "x".repeat(500), i).await.unwrap();
    }
    println!("500 writes one after the other: {:?}", started.elapsed());
}

const CHILD: &str = "GLIDEPATH_STORE_TEST_CHILD";

/// Not a test of its own: the process that is killed. Prints a line for every acknowledged entry.
#[tokio::test(flavor = "multi_thread")]
async fn child_that_writes_until_killed() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let store = open(Path::new(&path)).await;
    for i in 0.. {
        let sequence = store.append("j", format!("entry {i}"), i).await.unwrap();
        println!("acknowledged {sequence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let mut total = 0;
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_writes_until_killed", "--nocapture", "--test-threads=1"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = 0;
        let mut seen = 0;
        for line in lines.by_ref() {
            // The harness prints the test's name before the first line.
            let line = line.unwrap();
            if let Some((_, sequence)) = line.split_once("acknowledged ") {
                acknowledged = sequence.parse::<i64>().unwrap();
                seen += 1;
                if seen == 150 * round {
                    break;
                }
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            if let Some((_, sequence)) = line.split_once("acknowledged ") {
                acknowledged = sequence.parse::<i64>().unwrap_or(acknowledged);
            }
        }
        let store = open(&path).await;
        let entries = store.read("j", 0).await.unwrap();
        assert!(entries.len() as i64 >= acknowledged, "{} entries, {acknowledged} acknowledged", entries.len());
        assert!(entries.iter().enumerate().all(|(i, e)| e.sequence == i as i64 + 1));
        assert!(acknowledged > total);
        total = acknowledged;
        store.close().await;
    }
}
