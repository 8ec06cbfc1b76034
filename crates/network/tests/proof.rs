//! The example design is proved clean; changed for the worse, it gives counterexamples that the tracer follows; and on
//! random networks the proof and the tracer agree.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the repository")]

use std::net::Ipv4Addr;
use std::path::Path;

use glidepath_arm::{ResourceId, Value};
use glidepath_design::Design;
use glidepath_estate::{Estate, Resource};
use glidepath_library::Library;
use glidepath_network::proof::{Engine, Proof, Verdict, prove};
use glidepath_network::{Context, End, Mode, Model, Packet, Protocol, Traffic};
use glidepath_source::Text;
use proptest::prelude::*;
use serde_json::json;

fn contoso() -> Estate {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/contoso");
    let names = ["glidepath.yaml", "platform.yaml", "workloads/claims-copilot.yaml", "workloads/fraud-scoring.yaml"];
    let texts = names.map(|n| (n.to_owned(), Text::new(n, std::fs::read_to_string(root.join(n)).unwrap())));
    let mut library = Library::default();
    library.load("embedded:ai", Library::embedded());
    Design::read(&texts).0.unwrap().compile(&library).0.estate
}

fn judged(estate: &Estate) -> Proof {
    prove(&Model::of(estate, &Context { on_premises: vec!["192.168.0.0/16".to_owned()] }))
}

#[test]
fn the_example_is_proved_clean() {
    let proof = judged(&contoso());
    assert!(proof.flows > 100, "{}", proof.flows);
    for (invariant, verdict) in &proof.invariants {
        assert_eq!(verdict, &Verdict::Proved, "{invariant:?} {}", serde_json::to_string_pretty(verdict).unwrap());
    }
}

/// Changes every body of a type that the closure wants to change; how many did it?
fn change(estate: &mut Estate, kind: &str, edit: impl Fn(&ResourceId, &mut serde_json::Value) -> bool) -> usize {
    let wanted: Vec<Resource> =
        estate.iter().filter(|r| r.resource_type().is_some_and(|t| t.is(kind))).cloned().collect();
    let mut changed = 0;
    for mut resource in wanted {
        let mut body = resource.body.to_json();
        if edit(&resource.id, &mut body) {
            resource.body = Value::from(&body);
            estate.insert(resource);
            changed += 1;
        }
    }
    changed
}

const NSG: &str = "Microsoft.Network/networkSecurityGroups";
const ROUTES: &str = "Microsoft.Network/routeTables";
const FIREWALL: &str = "Microsoft.Network/firewallPolicies/ruleCollectionGroups";

fn add_rule(estate: &mut Estate, group: &str, source: &str, ports: &str) {
    let changed = change(estate, NSG, |id, body| {
        if !id.name().contains(group) {
            return false;
        }
        body["properties"]["securityRules"].as_array_mut().unwrap().push(json!({ "name": "mutant", "properties": {
            "priority": 150, "direction": "Inbound", "access": "Allow", "protocol": "*", "sourceAddressPrefix": source,
            "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": ports } }));
        true
    });
    assert!(changed > 0, "no group {group}");
}

fn add_firewall_rule(estate: &mut Estate, source: &str, destination: &str, port: &str) {
    let changed = change(estate, FIREWALL, |_, body| {
        body["properties"]["ruleCollections"].as_array_mut().unwrap().push(json!({
            "ruleCollectionType": "FirewallPolicyFilterRuleCollection", "name": "mutant", "priority": 150,
            "action": { "type": "Allow" }, "rules": [{ "ruleType": "NetworkRule", "name": "mutant", "ipProtocols": ["TCP"],
                "sourceAddresses": [source], "destinationAddresses": [destination], "destinationPorts": [port] }] }));
        true
    });
    assert!(changed > 0);
}

fn route(estate: &mut Estate, edit: impl Fn(&mut serde_json::Value)) {
    let changed = change(estate, ROUTES, |_, body| {
        let routes = body["properties"]["routes"].as_array_mut().unwrap();
        routes.iter_mut().for_each(&edit);
        true
    });
    assert!(changed > 0);
}

#[test]
fn mutations_are_caught() {
    let mut missed = Vec::new();
    let mut caught = 0;
    let mut check = |name: String, edit: &dyn Fn(&mut Estate)| {
        let mut estate = contoso();
        edit(&mut estate);
        let proof = judged(&estate);
        let told = proof.invariants.values().any(|v| match v {
            // Every packet told was followed to its end by the tracer.
            Verdict::Counterexample { examples, .. } => {
                examples.iter().all(|e| e.path.as_ref().is_none_or(|p| p.arrives))
            }
            _ => false,
        });
        if told { caught += 1 } else { missed.push(name) }
    };
    for group in ["agents", "container-apps"] {
        for (source, ports) in
            [("AzureBastionSubnet", "22"), ("*", "*"), ("*", "22"), ("10.0.0.0/8", "3389"), ("VirtualNetwork", "5986")]
        {
            if source == "AzureBastionSubnet" {
                continue;
            }
            check(format!("{group} lets {source} in on {ports}"), &|e| add_rule(e, group, source, ports));
        }
    }
    for (source, destination, port) in [
        ("10.0.0.0/8", "10.0.0.0/8", "443"),
        ("*", "10.0.0.0/8", "*"),
        ("*", "*", "443"),
        ("10.0.0.0/8", "0.0.0.0/0", "53"),
        ("192.168.0.0/16", "10.0.0.0/8", "22"),
        ("10.0.0.0/8", "10.0.0.0/12", "8080"),
    ] {
        check(format!("firewall {source} {destination} {port}"), &|e| {
            add_rule(e, "agents", "10.0.0.0/8,192.168.0.0/16", "*");
            add_firewall_rule(e, source, destination, port);
        });
    }
    check("on-premises past the endpoints' port".into(), &|e| {
        add_rule(e, "private-endpoints", "192.168.0.0/16", "*");
        add_firewall_rule(e, "192.168.0.0/16", "10.0.0.0/8", "1433");
    });
    check("default route to the internet".into(), &|e| {
        route(e, |r| {
            r["properties"]["nextHopType"] = json!("Internet");
        });
        change(e, "Microsoft.Network/virtualNetworks", |_, body| {
            for subnet in body["properties"]["subnets"].as_array_mut().unwrap() {
                subnet["properties"].as_object_mut().unwrap().remove("defaultOutboundAccess");
            }
            true
        });
    });
    check("no zone links".into(), &|e| {
        let links: Vec<ResourceId> =
            e.iter().map(|r| r.id.clone()).filter(|i| i.as_str().contains("virtualNetworkLinks")).collect();
        links.iter().for_each(|l| drop(e.remove(l)));
    });
    check("public storage".into(), &|e| {
        change(e, "Microsoft.Storage/storageAccounts", |_, body| {
            body["properties"]["publicNetworkAccess"] = json!("Enabled");
            body["properties"].as_object_mut().unwrap().remove("networkAcls");
            true
        });
    });
    check("endpoints refuse their own spoke".into(), &|e| {
        change(e, NSG, |id, body| {
            let rules = body["properties"]["securityRules"].as_array_mut().unwrap();
            let before = rules.len();
            rules.retain(|r| r["name"] != "AllowSpoke");
            id.name().contains("private-endpoints") && rules.len() != before
        });
    });
    check("gateway goes round the firewall".into(), &|e| {
        add_rule(e, "agents", "192.168.0.0/16", "443");
        route(e, |r| r["properties"]["nextHopType"] = json!("VnetLocal"));
        change(e, ROUTES, |_, body| {
            body["properties"]["routes"] = json!([]);
            true
        });
    });
    println!("{caught} caught, missed {missed:?}");
    assert!(caught >= 15, "{caught} caught, missed {missed:?}");
}

fn network(name: &str) -> ResourceId {
    ResourceId::new(&format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/{name}"))
}

type RandomRule = (u8, bool, bool, u8, u8, u8);

/// Two spokes and a hub with a firewall, with random rules.
fn estate(groups: &[Vec<RandomRule>], firewall: &[RandomRule], routed: &[bool]) -> Estate {
    let blocks = [
        "10.0.0.0/24",
        "10.1.0.0/24",
        "10.1.0.0/25",
        "10.2.0.0/24",
        "*",
        "VirtualNetwork",
        "Internet",
        "Storage",
        "10.1.0.0/30",
    ];
    let ports = ["*", "443", "22-80", "53"];
    let block = |i: u8| blocks[i as usize % blocks.len()];
    let mut estate = Estate::new();
    let mut add = |id: ResourceId, body: serde_json::Value| {
        drop(estate.insert(Resource::new(id, "2024-05-01", Value::from(&body))))
    };
    for (i, rules) in groups.iter().enumerate() {
        let rules: Vec<_> = rules.iter().enumerate().map(|(n, (priority, inbound, allow, source, destination, port))| json!({ "name": format!("r{n}"),
            "properties": { "priority": 100 + *priority as usize * 16 + n, "direction": if *inbound { "Inbound" } else { "Outbound" },
            "access": if *allow { "Allow" } else { "Deny" }, "protocol": if port % 2 == 0 { "Tcp" } else { "*" }, "sourceAddressPrefix": block(*source), "sourcePortRange": "*",
            "destinationAddressPrefix": block(*destination), "destinationPortRange": ports[*port as usize % 4] } })).collect();
        add(network(&format!("networkSecurityGroups/n{i}")), json!({ "properties": { "securityRules": rules } }));
        let route = json!({ "name": "d", "properties": { "addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.0.0.4" } });
        add(
            network(&format!("routeTables/t{i}")),
            json!({ "properties": { "routes": if routed[i] { vec![route] } else { vec![] } } }),
        );
        let subnet = json!({ "name": "a", "properties": { "addressPrefix": format!("10.{}.0.0/24", i + 1), "networkSecurityGroup": { "id": network(&format!("networkSecurityGroups/n{i}")).as_str() }, "routeTable": { "id": network(&format!("routeTables/t{i}")).as_str() } } });
        let peering = |to: &str| json!({ "name": to, "properties": { "remoteVirtualNetwork": { "id": network(&format!("virtualNetworks/{to}")).as_str() }, "allowForwardedTraffic": routed[i] } });
        add(
            network(&format!("virtualNetworks/v{i}")),
            json!({ "properties": { "addressSpace": { "addressPrefixes": [format!("10.{}.0.0/24", i + 1)] }, "subnets": [subnet], "virtualNetworkPeerings": [peering("hub")] } }),
        );
    }
    let peerings: Vec<_> = (0..groups.len()).map(|i| json!({ "name": format!("v{i}"), "properties": { "remoteVirtualNetwork": { "id": network(&format!("virtualNetworks/v{i}")).as_str() } } })).collect();
    add(
        network("virtualNetworks/hub"),
        json!({ "properties": { "addressSpace": { "addressPrefixes": ["10.0.0.0/24"] },
        "subnets": [{ "name": "AzureFirewallSubnet", "properties": { "addressPrefix": "10.0.0.0/26" } }], "virtualNetworkPeerings": peerings } }),
    );
    let policy = network("firewallPolicies/p");
    add(policy.clone(), json!({ "properties": {} }));
    let rules: Vec<_> = firewall.iter().enumerate().map(|(n, (priority, _, allow, source, destination, port))| json!({ "name": format!("c{n}"), "priority": 100 + *priority as usize * 16 + n,
        "action": { "type": if *allow { "Allow" } else { "Deny" } }, "rules": [{ "ruleType": "NetworkRule", "name": "r", "ipProtocols": ["TCP"], "sourceAddresses": [block(*source)], "destinationAddresses": [block(*destination)], "destinationPorts": [ports[*port as usize % 4]] }] })).collect();
    add(
        policy.child("ruleCollectionGroups", "g"),
        json!({ "properties": { "priority": 100, "ruleCollections": rules } }),
    );
    add(
        network("azureFirewalls/f"),
        json!({ "properties": { "firewallPolicy": { "id": policy.as_str() }, "ipConfigurations": [{ "properties": { "subnet": { "id": network("virtualNetworks/hub/subnets/AzureFirewallSubnet").as_str() } } }] } }),
    );
    estate
}

fn rules() -> impl Strategy<Value = Vec<RandomRule>> {
    prop::collection::vec((0u8..8, any::<bool>(), any::<bool>(), 0u8..9, 0u8..9, 0u8..8), 0..7)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn proof_and_tracer_agree(a in rules(), b in rules(), firewall in rules(), routed in any::<[bool; 2]>()) {
        let model = Model::of(&estate(&[a, b], &firewall, &routed), &Context::default());
        for mode in [Mode::May, Mode::Must] {
            let engine = Engine::new(&model, mode);
            for (from, site) in model.sites.iter().enumerate() {
                let mut ends: Vec<(End, [u8; 4])> = vec![(End::Internet, [203, 0, 113, 9])];
                for (to, other) in model.sites.iter().enumerate() {
                    for offset in [1u32, 9, 200] {
                        ends.push((End::Site(to), (other.space.first().unwrap() + offset).to_be_bytes()));
                    }
                }
                for (to, destination) in ends {
                    for offset in [2u32, 140] {
                        for (protocol, port) in [(Protocol::Tcp, 443), (Protocol::Tcp, 22), (Protocol::Udp, 53), (Protocol::Icmp, 0)] {
                            let source = site.space.first().unwrap() + offset;
                            let packet = Packet { source: source.into(), destination: Ipv4Addr::from(destination), protocol, port };
                            let bits = engine.classes.bits(&Traffic::of(protocol, &[port]), true);
                            let proof = engine.passes(End::Site(from), to, source, packet.destination.to_bits(), bits);
                            let trace = model.trace(End::Site(from), to, packet, mode);
                            prop_assert_eq!(proof, trace.arrives, "{:?} {:?} {:?} {:?}\n{:#?}", mode, site.name, to, packet, trace);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn both_exposures_are_seen() {
    let model = Model::of(&contoso(), &Context::default());
    let count = |e| model.networks.iter().filter(|n| n.exposure == Some(e)).count();
    use glidepath_network::model::Exposure;
    assert!(count(Exposure::Corp) > 0 && count(Exposure::Online) > 0);
}

/// The sample lets `*` to `*` on UDP 53 through its firewall. Skips aloud without the corpora.
#[test]
fn the_hub_spoke_sample_breaks_egress() {
    use glidepath_arm::template::{Context as Deployment, NoLinks, Parameters, ResourceGroup, expand};
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/hub-spoke/azuredeploy.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not here", path.display());
        return;
    };
    let deployment = Deployment {
        subscription_id: Some("22222222-2222-2222-2222-222222222222".into()),
        resource_group: Some(ResourceGroup {
            name: "rg".into(),
            location: Some("swedencentral".into()),
            ..ResourceGroup::default()
        }),
        location: Some("swedencentral".into()),
        deployment_name: Some("hub".into()),
        ..Deployment::default()
    };
    let expansion = expand(&Text::new("azuredeploy.json", text), &Parameters::new(), &deployment, &NoLinks);
    let estate: Estate = expansion
        .resources
        .iter()
        .filter_map(|r| Some(Resource::new(ResourceId::new(r.id.as_str()?), &*r.api_version, r.body.clone())))
        .collect();
    let model = Model::of(&estate, &Context::default());
    assert!(model.networks.len() >= 3 && model.firewalls.len() == 1, "{} networks", model.networks.len());
    let proof = prove(&model);
    let text = serde_json::to_string_pretty(&proof).unwrap();
    assert!(text.contains("lets out to any destination"), "{text}");
    println!("{text}");
}
