//! The refusal, by a client nobody here wrote.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{example, glidepath};

#[test]
fn curl_meets_azures_refusal() {
    if !Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok_and(|s| s.success()) {
        eprintln!("skipped: curl is not here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let design = example(folder.path());
    assert!(glidepath().arg("up").arg(&design).output().unwrap().status.success());
    let mut sandbox = glidepath().args(["sandbox", "--port", "0"]).arg(&design).stdout(Stdio::piped()).spawn().unwrap();
    let mut greeting = BufReader::new(sandbox.stdout.take().unwrap()).lines().map_while(Result::ok);
    let endpoint = greeting.next().unwrap().trim_start_matches("sandbox at ").to_owned();
    let subscription = greeting.find(|l| l.contains("contoso-fraud-scoring-development")).unwrap();
    let subscription = subscription.split_whitespace().next().unwrap().to_owned();
    let ca = design.join(".glidepath/sandbox/ca.pem");
    let put = |path: &str, body: &str| -> (String, Value) {
        let output = Command::new("curl")
            .args(["-s", "-X", "PUT", "-H", "Content-Type: application/json", "-w", "\n%{http_code}", "-d", body])
            .arg("--cacert")
            .arg(&ca)
            .arg(format!("{endpoint}/subscriptions/{subscription}/resourceGroups/rg-demo{path}"))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.to_owned(), serde_json::from_str(body).unwrap_or(Value::Null))
    };
    let account = |access: &str| {
        let body = serde_json::json!({
            "location": "swedencentral", "kind": "AIServices", "sku": {"name": "S0"},
            "properties": {"publicNetworkAccess": access, "disableLocalAuth": true}
        });
        put("/providers/Microsoft.CognitiveServices/accounts/demo?api-version=2025-06-01", &body.to_string())
    };
    let (status, _) = put("?api-version=2024-03-01", r#"{"location": "swedencentral"}"#);
    let (open, refusal) = account("Enabled");
    let (closed, created) = account("Disabled");
    sandbox.kill().unwrap();
    sandbox.wait().unwrap();
    assert_eq!(status, "201");
    assert_eq!(open, "403");
    let error = &refusal["error"];
    assert_eq!(error["code"], "RequestDisallowedByPolicy");
    assert_eq!(error["target"], "demo");
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("Resource 'demo' was disallowed by policy."), "{message}");
    assert!(message.contains("Policy identifiers: '[{\"policyAssignment\":"), "{message}");
    let info = &error["additionalInfo"][0];
    assert_eq!(info["type"], "PolicyViolation");
    assert_eq!(info["info"]["policyAssignmentName"], "Deny-AI-Public");
    let expressions = info["info"]["evaluationDetails"]["evaluatedExpressions"].as_array().unwrap();
    assert!(
        expressions.iter().any(|e| e["path"] == "properties.publicNetworkAccess" && e["expressionValue"] == "Enabled")
    );
    assert_eq!(closed, "201", "{created}");
    assert_eq!(created["properties"]["provisioningState"], "Succeeded");
}
