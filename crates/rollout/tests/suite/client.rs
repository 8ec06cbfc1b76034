//! The client: what it repeats, waits for, follows and refuses.

use glidepath_arm::Value;
use glidepath_rollout::{ArmClient, ClientError, ClientOptions, Patience, Secret, TokenSource, Verb};
use serde_json::json;

use crate::stub::{Answer, Seen, Stub, quick};

const V: &str = "2024-01-01";
const GROUP: &str = "/subscriptions/s/resourceGroups/g";

fn body() -> Value {
    Value::from(json!({"location": "swedencentral"}))
}

fn done() -> Answer {
    Answer::json(200, json!({"id": GROUP, "properties": {"provisioningState": "Succeeded"}}))
}

#[tokio::test]
async fn a_passing_failure_is_repeated_as_the_same_request() {
    for status in [408, 429, 500, 502, 503, 504] {
        let stub = Stub::start(move |seen: &Seen| match seen.nth {
            1 => Answer::error(status, "Busy", "try again").with("x-ms-retry-after-ms", "2"),
            2 => Answer::hang_up(),
            _ => done().with("x-ms-request-id", "r-3"),
        })
        .await;
        let reply = stub.client().put(GROUP, V, &body()).await.unwrap();
        assert_eq!((reply.status, reply.request_id.as_deref()), (200, Some("r-3")), "{status}");
        let seen = stub.seen();
        assert_eq!(seen.len(), 3, "{status}");
        assert_eq!(seen[0].query, "api-version=2024-01-01");
        assert_eq!(seen[0].header("authorization"), "Bearer token-1");
        assert!(!seen[0].header("x-ms-client-request-id").is_empty());
        assert_eq!(seen[0].header("x-ms-client-request-id"), seen[2].header("x-ms-client-request-id"));
        assert_eq!(seen[2].json(), json!({"location": "swedencentral"}));
        assert_eq!(stub.tokens_given(), 1);
    }
}

#[tokio::test]
async fn patience_ends_with_the_last_error() {
    let stub = Stub::start(|_| Answer::error(503, "Down", "still down")).await;
    let error = stub.client().get(GROUP, V).await.unwrap_err();
    assert_eq!(error.to_string(), "Down: still down");
    assert_eq!(stub.seen().len(), 4);
    // Asked to wait longer than the budget, it gives up at once.
    let stub = Stub::start(|_| Answer::error(429, "Throttled", "later").with("retry-after", "3600")).await;
    assert_eq!(stub.client().get(GROUP, V).await.unwrap_err().status(), Some(429));
    assert_eq!(stub.seen().len(), 1);
}

#[tokio::test]
async fn an_action_is_not_repeated_when_it_may_have_happened() {
    let stub = Stub::start(|_| Answer::hang_up()).await;
    let error = stub.client().post(GROUP, V, None).await.unwrap_err();
    assert!(matches!(error, ClientError::NoAnswer { .. }), "{error}");
    assert_eq!(stub.seen().len(), 1);
    let stub = Stub::start(|seen| if seen.nth == 1 { Answer::error(429, "T", "") } else { done() }).await;
    stub.client().post(GROUP, V, None).await.unwrap();
    assert_eq!(stub.seen().len(), 2);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let renewable = |seen: &Seen| match seen.header("authorization") {
        "Bearer token-1" => Answer::error(401, "ExpiredAuthenticationToken", "expired"),
        _ => done(),
    };
    let stub = Stub::start(renewable).await;
    stub.client().get(GROUP, V).await.unwrap();
    assert_eq!((stub.seen().len(), stub.tokens_given()), (2, 2));
    let stub = Stub::start(|_| Answer::error(401, "InvalidAuthenticationToken", "no")).await;
    let error = stub.client().get(GROUP, V).await.unwrap_err();
    assert_eq!(error, ClientError::SignIn("InvalidAuthenticationToken: no".into()));
    assert_eq!(stub.seen().len(), 2);
}

#[tokio::test]
async fn credentials_go_nowhere_but_over_tls_to_the_target() {
    let stub = Stub::start(|_| done()).await;
    let plain = |base: &str, authority: &str| ClientOptions {
        base: base.to_owned(),
        tokens: TokenSource::ClientSecret {
            authority: authority.to_owned(),
            tenant: "t".into(),
            client_id: "c".into(),
            client_secret: Secret::new("s3cret"),
            scope: "s".into(),
        },
        ..stub.options(quick())
    };
    let error = ArmClient::new(plain("http://localhost:1", &stub.base)).unwrap_err();
    assert_eq!(error, ClientError::Insecure("http://localhost:1".into()));
    let client = ArmClient::new(plain(&stub.base, "http://localhost:1")).unwrap();
    assert!(matches!(client.get(GROUP, V).await.unwrap_err(), ClientError::Insecure(_)));
    assert_eq!(stub.seen().len(), 0);
    // Without the authority's certificate there is no connection.
    let stranger = ClientOptions {
        ca_pem: Some(Stub::start(|_| done()).await.options(quick()).ca_pem.unwrap()),
        ..stub.options(quick())
    };
    let error = ArmClient::new(stranger).unwrap().get(GROUP, V).await.unwrap_err();
    assert!(matches!(error, ClientError::NoAnswer { .. }), "{error}");
}

#[tokio::test]
async fn links_to_other_hosts_are_not_followed() {
    let other = Stub::start(|_| done()).await;
    for header in ["azure-asyncoperation", "location"] {
        let link = format!("{}/operations/1", other.base);
        let stub = Stub::start(move |_| Answer::empty(202).with(header, link.as_str())).await;
        let error = stub.client().put(GROUP, V, &body()).await.unwrap_err();
        assert_eq!(error, ClientError::ForeignHost(other.base.clone()), "{header}");
    }
    let link = format!("{}/more", other.base);
    let stub = Stub::start(move |_| Answer::json(200, json!({"value": [1], "nextLink": link}))).await;
    let error = stub.client().list(Verb::Get, GROUP, V, &[]).await.unwrap_err();
    assert_eq!(error, ClientError::ForeignHost(other.base.clone()));
    assert_eq!(other.lines(), Vec::<String>::new());
    // Neither are redirects, which ARM does not have.
    let link = format!("{}/elsewhere", other.base);
    let stub = Stub::start(move |_| Answer::empty(307).with("location", link.as_str())).await;
    let error = stub.client().put(GROUP, V, &body()).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreadable { .. }), "{error}");
    assert_eq!(other.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn an_operation_is_waited_for_in_each_of_its_forms() {
    let operation = "/operations/1";
    // Azure-AsyncOperation, then the resource is read again.
    let stub = Stub::start(move |seen: &Seen| match (seen.verb.as_str(), seen.path.as_str(), seen.nth) {
        ("PUT", ..) => {
            Answer::json(201, json!({})).with("azure-asyncoperation", operation).with("location", "/ignored")
        }
        (_, "/operations/1", 3) => Answer::json(200, json!({"status": "succeeded"})),
        (_, "/operations/1", _) => Answer::json(200, json!({"status": "InProgress"})).with("retry-after", "0"),
        _ => Answer::json(200, json!({"final": true})),
    })
    .await;
    let reply = stub.client().put(GROUP, V, &body()).await.unwrap();
    assert_eq!(reply.body.get("final").and_then(Value::as_bool), Some(true));
    let poll = format!("GET {operation}");
    assert_eq!(
        stub.lines(),
        [format!("PUT {GROUP}"), poll.clone(), poll.clone(), poll.clone(), format!("GET {GROUP}")]
    );

    // Location alone: 202 until it is done.
    let stub = Stub::start(move |seen: &Seen| match (seen.verb.as_str(), seen.path.as_str(), seen.nth) {
        ("DELETE", ..) => Answer::empty(202).with("location", operation),
        (_, "/operations/1", 1) => Answer::empty(202).with("x-ms-retry-after-ms", "1"),
        _ => Answer::empty(204),
    })
    .await;
    stub.client().delete(GROUP, V).await.unwrap();
    assert_eq!(stub.lines(), [format!("DELETE {GROUP}"), poll.clone(), poll]);

    // The state in the body: the resource itself is polled; a moment of "not found" is borne.
    let stub = Stub::start(|seen: &Seen| match (seen.verb.as_str(), seen.nth) {
        ("PUT", _) => Answer::json(201, json!({"properties": {"provisioningState": "Accepted"}})),
        (_, 1) => Answer::error(404, "ResourceNotFound", "not yet"),
        (_, 2) => Answer::json(200, json!({"properties": {"provisioningState": "Creating"}})),
        _ => done(),
    })
    .await;
    assert_eq!(stub.client().put(GROUP, V, &body()).await.unwrap().status, 200);
    assert_eq!(stub.seen().len(), 4);
}

#[tokio::test]
async fn a_failed_operation_is_the_error_it_carries() {
    let stub = Stub::start(|seen: &Seen| match seen.verb.as_str() {
        "PUT" => Answer::json(201, json!({})).with("azure-asyncoperation", "/operations/1"),
        _ => Answer::json(200, json!({"status": "Failed", "error": {"code": "NoCapacity", "message": "none left"}})),
    })
    .await;
    assert_eq!(stub.client().put(GROUP, V, &body()).await.unwrap_err().to_string(), "NoCapacity: none left");
    let stub = Stub::start(|_| Answer::json(201, json!({"properties": {"provisioningState": "Canceled"}}))).await;
    let error = stub.client().put(GROUP, V, &body()).await.unwrap_err();
    assert_eq!(error.arm().unwrap().code, "OperationCanceled");
    let forever = |_: &Seen| Answer::json(201, json!({"properties": {"provisioningState": "Creating"}}));
    let patience = Patience { operation: std::time::Duration::from_millis(30), ..quick() };
    let error = Stub::start(forever).await.client_with(patience).put(GROUP, V, &body()).await.unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn a_list_is_read_to_its_last_page() {
    let stub = Stub::start(|seen: &Seen| {
        let next = if seen.path == "/p" { json!("/p2?skip=1") } else { json!(null) };
        Answer::json(200, json!({"value": [seen.path], "@odata.nextLink": next}))
    })
    .await;
    let items = stub.client().list(Verb::Query, "/p", V, &[("$top", "1")]).await.unwrap();
    assert_eq!(items, [Value::from("/p"), Value::from("/p2")]);
    assert_eq!(stub.lines(), ["POST /p", "POST /p2"]);
    assert_eq!(stub.seen()[0].query, "api-version=2024-01-01&%24top=1");
    assert_eq!(stub.seen()[1].query, "skip=1");
    let circle = Stub::start(|seen: &Seen| {
        Answer::json(200, json!({"value": [], "nextLink": format!("{}?{}", seen.path, seen.query)}))
    })
    .await;
    let error = circle.client().list(Verb::Get, "/p", V, &[]).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreadable { .. }), "{error}");
}

#[tokio::test]
async fn a_missing_provider_is_registered_once_for_all() {
    let account = |n: usize| format!("{GROUP}/providers/Microsoft.CognitiveServices/accounts/a{n}");
    let stub = Stub::start(|seen: &Seen| match (seen.verb.as_str(), seen.nth) {
        ("PUT", 1) => Answer::error(
            409,
            "MissingSubscriptionRegistration",
            "The subscription is not registered to use namespace 'Microsoft.CognitiveServices'. See …",
        ),
        ("POST", _) => Answer::json(200, json!({"registrationState": "Registering"})),
        ("GET", 1) => Answer::json(200, json!({"registrationState": "Registering"})),
        ("GET", _) => Answer::json(200, json!({"registrationState": "Registered"})),
        _ => done(),
    })
    .await;
    let client = stub.client();
    let (one, two, body) = (account(1), account(2), body());
    let (a, b) = tokio::join!(client.put(&one, V, &body), client.put(&two, V, &body));
    assert!(a.is_ok() && b.is_ok());
    let lines = stub.lines();
    let count = |line: &str| lines.iter().filter(|l| *l == line).count();
    let provider = "/subscriptions/s/providers/Microsoft.CognitiveServices";
    assert_eq!((count(&format!("POST {provider}/register")), count(&format!("GET {provider}"))), (1, 2));
    assert_eq!((count(&format!("PUT {one}")), count(&format!("PUT {two}"))), (2, 2));
}

#[tokio::test]
async fn errors_of_slow_replicas_are_borne_after_a_write_and_meant_before() {
    let stub = Stub::start(|seen: &Seen| match (seen.path.as_str(), seen.nth) {
        ("/late", 1 | 2) => Answer::error(403, "AuthorizationFailed", "not yet"),
        ("/never", _) => Answer::error(403, "AuthorizationFailed", "no"),
        ("/busy", 1) => Answer::error(409, "AnotherOperationInProgress", "wait"),
        ("/denied", _) => Answer::error(403, "RequestDisallowedByPolicy", "no"),
        _ => done(),
    })
    .await;
    let client = stub.client();
    assert_eq!(client.put("/late", V, &body()).await.unwrap_err().status(), Some(403));
    assert_eq!(stub.seen().len(), 1);
    assert!(client.put("/busy", V, &body()).await.is_ok());
    client.put("/first", V, &body()).await.unwrap();
    client.put("/late", V, &body()).await.unwrap();
    assert_eq!(stub.seen().len(), 6);
    assert_eq!(client.put("/denied", V, &body()).await.unwrap_err().status(), Some(403));
    assert_eq!(stub.seen().len(), 7);
    assert_eq!(client.put("/never", V, &body()).await.unwrap_err().status(), Some(403));
    assert!(stub.seen().len() > 8);
}

#[tokio::test]
async fn a_wrong_secret_says_so_and_shows_nothing() {
    let stub = Stub::start(|_| done()).await;
    let mut options = stub.options(quick());
    if let TokenSource::ClientSecret { client_secret, .. } = &mut options.tokens {
        *client_secret = Secret::new("wr0ng");
    }
    assert!(!format!("{options:?}").contains("wr0ng"));
    let client = ArmClient::new(options).unwrap();
    let error = client.get(GROUP, V).await.unwrap_err();
    assert_eq!(error, ClientError::SignIn("wrong secret".into()));
    assert!(!format!("{error:?} {client:?}").contains("wr0ng"));
}
