//! The server's promises: durability, tokens, limits, many clients, bad starts.
#![expect(clippy::unwrap_used, reason = "a test's helper fails the test")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use glidepath_sandbox::{Clock, Options, StartError, start};
use serde_json::{Value, json};
use support::{API, TENANT, client, sandbox, subscription};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Sends a request and gives status and body (`Null` where there is none).
async fn send(client: &reqwest::Client, method: &str, url: &str, body: Option<&Value>) -> (u16, Value) {
    let mut request = client.request(method.parse().unwrap(), url);
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// Makes a subscription with a resource group and gives the group's URL.
async fn group(client: &reqwest::Client, endpoint: &str) -> String {
    let alias = format!("{endpoint}/providers/Microsoft.Subscription/aliases/corp?{API}");
    send(client, "PUT", &alias, Some(&json!({"properties": {}}))).await;
    let group = format!("{endpoint}/subscriptions/{}/resourceGroups/rg", subscription("corp"));
    send(client, "PUT", &format!("{group}?{API}"), Some(&json!({"location": "westeurope"}))).await;
    group
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_state_and_authority() {
    let folder = tempfile::tempdir().unwrap();
    let first = sandbox(folder.path()).await;
    let (authority, port) = (first.ca_pem().to_owned(), first.address().port());
    let https = client(&authority);
    let group_url = group(&https, &first.endpoint()).await;
    let vnet = format!("{group_url}/providers/Microsoft.Network/virtualNetworks/v?{API}");
    let body = json!({"location": "westeurope", "properties": {"subnets": [{"name": "b"}, {"name": "a"}]}});
    let (status, written) = send(&https, "PUT", &vnet, Some(&body)).await;
    assert_eq!(status, 201);
    let groups = format!("{}/providers/Microsoft.Management/managementGroups", first.endpoint());
    send(&https, "PUT", &format!("{groups}/g?{API}"), Some(&json!({}))).await;
    let placement = format!("{groups}/g/subscriptions/{}?{API}", subscription("corp"));
    send(&https, "PUT", &placement, None).await;
    let register = format!("{}/subscriptions/{}/providers/Microsoft.Search", first.endpoint(), subscription("corp"));
    send(&https, "POST", &format!("{register}/register?{API}"), None).await;
    first.shutdown().await;

    let mut options = Options::new(folder.path(), TENANT);
    options.address.set_port(port);
    let second = start(options).await.unwrap();
    assert_eq!(second.ca_pem(), authority);
    assert_eq!(std::fs::read_to_string(second.ca_path()).unwrap(), authority);
    // A client that trusts the authority from before needs nothing new.
    let (status, read) = send(&https, "GET", &vnet, None).await;
    assert_eq!((status, &read), (200, &written));
    assert_eq!(send(&https, "GET", &placement, None).await.0, 200);
    assert_eq!(send(&https, "GET", &format!("{register}?{API}"), None).await.1["registrationState"], "Registered");
    second.shutdown().await;

    let other = Options::new(folder.path(), "99999999-2222-3333-4444-555555555555");
    assert!(matches!(start(other).await, Err(StartError::OtherTenant { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_starts_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let running = sandbox(folder.path()).await;
    let other = tempfile::tempdir().unwrap();
    let mut options = Options::new(other.path(), TENANT);
    options.address = running.address();
    let error = start(options).await.err().unwrap();
    assert!(matches!(error, StartError::PortInUse { port } if port == running.address().port()), "{error}");
    assert_eq!(error.code(), "sandbox/port-in-use");
    let error = start(Options::new(folder.path(), TENANT)).await.err().unwrap();
    assert_eq!(error.code(), "store/locked");
    running.shutdown().await;

    std::fs::write(other.path().join("sandbox.db"), "not a database ".repeat(100)).unwrap();
    let error = start(Options::new(other.path(), TENANT)).await.err().unwrap();
    assert_eq!(error.code(), "store/corrupt");
    assert!(matches!(start(Options::new(other.path(), "contoso")).await, Err(StartError::BadTenant { .. })));

    let file = other.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = start(Options::new(file.join("below"), TENANT)).await.err().unwrap();
    assert_eq!(error.code(), "sandbox/certificate");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn keys_and_state_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let running = sandbox(folder.path()).await;
    for name in ["ca.key", "sandbox.db"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    running.shutdown().await;
    // An authority that cannot be read is replaced, not fatal.
    std::fs::write(folder.path().join("ca.key"), "nonsense").unwrap();
    let running = sandbox(folder.path()).await;
    let https = client(running.ca_pem());
    assert_eq!(send(&https, "GET", &format!("{}/tenants?{API}", running.endpoint()), None).await.0, 200);
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_checked() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    let folder = tempfile::tempdir().unwrap();
    let time = Arc::new(AtomicI64::new(1_700_000_000));
    let mut options = Options::new(folder.path(), TENANT);
    let shown = Arc::clone(&time);
    options.clock = Clock::new(move || shown.load(Ordering::Relaxed));
    options.auth_required = true;
    let running = start(options).await.unwrap();
    let https = client(running.ca_pem());
    let tenants = format!("{}/tenants?{API}", running.endpoint());
    let response = https.get(&tenants).send().await.unwrap();
    assert_eq!(response.status(), 401);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(
        challenge.starts_with(&format!("Bearer authorization_uri=\"{}/{TENANT}\"", running.endpoint())),
        "{challenge}"
    );

    let url = format!("{}/{TENANT}/oauth2/v2.0/token", running.endpoint());
    let scope = format!("{}//.default", running.endpoint());
    let form = [("grant_type", "client_credentials"), ("client_id", "me"), ("scope", &scope)];
    let token: Value = https.post(&url).form(&form).send().await.unwrap().json().await.unwrap();
    let token = token["access_token"].as_str().unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3);
    assert_eq!(https.get(&tenants).bearer_auth(token).send().await.unwrap().status(), 200);
    assert_eq!(https.get(&tenants).bearer_auth(&token[..token.len() - 2]).send().await.unwrap().status(), 401);
    assert_eq!(https.get(&tenants).header("authorization", "Basic eA==").send().await.unwrap().status(), 401);
    time.fetch_add(3600, Ordering::Relaxed);
    assert_eq!(https.get(&tenants).bearer_auth(token).send().await.unwrap().status(), 401);
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_slow_and_broken_requests_harm_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let running = sandbox(folder.path()).await;
    let https = client(running.ca_pem());
    let alias = format!("{}/providers/Microsoft.Subscription/aliases/x?{API}", running.endpoint());
    // 17 MB, announced: refused before it is read.
    let answer = https.put(&alias).body(vec![b' '; 17 << 20]).send().await;
    if let Ok(answer) = answer {
        assert_eq!(answer.status(), 413);
    }
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let answer = https.put(&alias).body(format!("{{\"properties\":{deep}}}")).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    // Connections that say nothing, or no TLS.
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(tokio::net::TcpStream::connect(running.address()).await.unwrap());
    }
    let mut plain = tokio::net::TcpStream::connect(running.address()).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"));
    for path in ["/%", "/%00", "/subscriptions/%2e%2e/x", "/a/providers", "/providers/x/providers", "/?api-version=%"] {
        let (status, body) = send(&https, "GET", &format!("{}{path}", running.endpoint()), None).await;
        assert!((400..500).contains(&status), "{path}: {status}");
        assert!(body["error"]["code"].is_string(), "{path}: {body}");
    }
    assert_eq!(send(&https, "GET", &format!("{}/tenants?{API}", running.endpoint()), None).await.0, 200);
    let started = Instant::now();
    drop(silent);
    running.shutdown().await;
    assert!(started.elapsed() < Duration::from_secs(8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_writes_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let running = sandbox(folder.path()).await;
    let https = client(running.ca_pem());
    let group = group(&https, &running.endpoint()).await;
    let body = json!({"location": "westeurope", "properties": {"text": "x".repeat(500)}});
    let started = Instant::now();
    for i in 0..1000 {
        let url = format!("{group}/providers/Microsoft.KeyVault/vaults/v{i}?{API}");
        assert_eq!(send(&https, "PUT", &url, Some(&body)).await.0, 201);
    }
    println!("1,000 PUTs one after the other: {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(10));
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_of_one_estate_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let running = sandbox(folder.path()).await;
    let https = client(running.ca_pem());
    let group = group(&https, &running.endpoint()).await;
    let vnet = format!("{group}/providers/Microsoft.Network/virtualNetworks/v");
    send(&https, "PUT", &format!("{vnet}?{API}"), Some(&json!({"location": "westeurope"}))).await;
    let tasks: Vec<_> = (0..40)
        .map(|i| {
            let (https, group, vnet) = (https.clone(), group.clone(), vnet.clone());
            tokio::spawn(async move {
                let subnet = format!("{vnet}/subnets/s{i}?{API}");
                let (status, _) = send(&https, "PUT", &subnet, Some(&json!({"properties": {}}))).await;
                assert_eq!(status, 201);
                let tags = json!({"tags": {"writer": i.to_string()}});
                assert_eq!(send(&https, "PATCH", &format!("{vnet}?{API}"), Some(&tags)).await.0, 200);
                let other = format!("{group}/providers/Microsoft.KeyVault/vaults/v{i}?{API}");
                assert_eq!(send(&https, "PUT", &other, Some(&json!({"location": "westeurope"}))).await.0, 201);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (_, network) = send(&https, "GET", &format!("{vnet}?{API}"), None).await;
    assert_eq!(network["properties"]["subnets"].as_array().unwrap().len(), 40);
    let (_, vaults) = send(&https, "GET", &format!("{group}/providers/Microsoft.KeyVault/vaults?{API}"), None).await;
    assert_eq!(vaults["value"].as_array().unwrap().len(), 40);
    running.shutdown().await;
}

const CHILD: &str = "GLIDEPATH_SANDBOX_TEST_CHILD";

/// Not a test of its own: the process that is killed. Prints a line for every acknowledged write.
#[tokio::test(flavor = "multi_thread")]
async fn child_that_serves_until_killed() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let running = sandbox(folder.as_ref()).await;
    let https = client(running.ca_pem());
    let group = group(&https, &running.endpoint()).await;
    for i in 0.. {
        let url = format!("{group}/providers/Microsoft.KeyVault/vaults/v{i}?{API}");
        let (status, _) = send(&https, "PUT", &url, Some(&json!({"location": "westeurope"}))).await;
        assert_eq!(status, 201);
        println!("acknowledged {i}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_no_acknowledged_write() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_serves_until_killed", "--nocapture", "--test-threads=1"])
        .env(CHILD, folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let number = |line: String| line.split_once("acknowledged ").and_then(|(_, n)| n.parse::<usize>().ok());
    let reached = lines.by_ref().filter_map(number).find(|n| *n == 120);
    assert_eq!(reached, Some(120));
    child.kill().unwrap();
    child.wait().unwrap();
    let last = lines.filter_map(number).last().unwrap_or(120);

    let running = sandbox(folder.path()).await;
    let https = client(running.ca_pem());
    let group = format!("{}/subscriptions/{}/resourceGroups/rg", running.endpoint(), subscription("corp"));
    for i in 0..=last {
        let url = format!("{group}/providers/Microsoft.KeyVault/vaults/v{i}?{API}");
        assert_eq!(send(&https, "GET", &url, None).await.0, 200, "vault {i} of {last}");
    }
    running.shutdown().await;
}
