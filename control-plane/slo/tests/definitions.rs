//! The definitions in infra/slo are understood, and mistakes in them are named.
use slo::{Definitions, Error};

const SERVICE: &str = include_str!("../../../infra/slo/service.yaml");
const BASIC: &str = include_str!("../../../infra/slo/basic.yaml");
const STANDARD: &str = include_str!("../../../infra/slo/standard.yaml");
const PREMIUM: &str = include_str!("../../../infra/slo/premium.yaml");
const OCEANIC: &str = include_str!("../../../infra/slo/tenants/oceanic.yaml");

fn read(basic: &str) -> Result<Definitions, Error> {
    Definitions::read([("service.yaml", SERVICE), ("basic.yaml", basic)])
}

#[test]
fn a_tenant_has_its_own_objective_or_its_tiers() {
    let files = [
        ("service.yaml", SERVICE),
        ("basic.yaml", BASIC),
        ("standard.yaml", STANDARD),
        ("premium.yaml", PREMIUM),
        ("tenants/oceanic.yaml", OCEANIC),
    ];
    let definitions = Definitions::read(files).unwrap();
    let [basic, standard, premium] =
        ["basic", "standard", "premium"].map(|tier| definitions.of(Some("acme"), tier).unwrap());
    assert_eq!(basic.availability.allowed(), 0.005);
    assert_eq!(standard.availability.allowed(), 0.001);
    assert_eq!(premium.availability.allowed(), 0.0005);
    assert!(premium.latency.within_ms < standard.latency.within_ms);

    let oceanic = definitions.of(Some("oceanic"), "premium").unwrap();
    assert_eq!(oceanic.availability.allowed(), 0.0002);
    assert_eq!(oceanic.latency, premium.latency, "what is not overridden is the tier's");
    assert_eq!(definitions.of(Some("oceanic"), "basic"), Some(basic), "an override is of a tenant in its tier");
    assert_eq!(definitions.of(None, "gold"), None);
}

#[test]
fn mistakes_are_named_by_file_document_and_field() {
    let cases = [
        ("target: 0.995", "target: 1.0", "document 1, spec.objectives[0].target: must be above 0"),
        ("target: 0.995", "target: high", "document 1, spec.objectives[0].target: invalid type: string"),
        ("target: 0.995", "taget: 0.995", "document 1, spec.objectives[0].taget: unknown field"),
        ("target: 0.995", "{}", "document 1, spec.objectives[0]: must have either target"),
        ("duration: 30d", "duration: 7d", "document 1, spec.timeWindow[0].duration: must be 30d"),
        ("isRolling: true", "isRolling: false", "document 1, spec.timeWindow[0].isRolling: must be true"),
        ("budgetingMethod: Occurrences", "budgetingMethod: Timeslices", "document 1, spec.budgetingMethod: must be"),
        ("measure: failed", "measure: slow", "ratioMetric.bad.metricSource.spec.measure: must be failed"),
        ("tier: basic", "tier: gold", "document 1, metadata.labels.tier: must be basic, standard or premium"),
        ("service: platform", "service: elsewhere", "document 1, spec.service: no Service is named elsewhere"),
        ("kind: SLO", "kind: AlertPolicy", "document 1, kind: must be Service or SLO"),
        ("apiVersion: openslo/v1", "apiVersion: openslo/v2", "document 1, apiVersion: must be openslo/v1"),
        ("op: lte", "op: gt", "document 2, spec.objectives[0].op: must be lte"),
        ("measure: duration_ms", "measure: failed", "document 2, spec.indicator.spec.thresholdMetric.metricSource"),
        ("kind: SLO", "kind: [", "basic.yaml: "),
    ];
    for (right, wrong, said) in cases {
        assert!(BASIC.contains(right), "{right}");
        let error = read(&BASIC.replacen(right, wrong, 1)).expect_err(wrong).to_string();
        assert!(error.starts_with("basic.yaml") && error.contains(said), "{wrong}: {error}");
    }
}

#[test]
fn nothing_is_promised_twice_or_by_half() {
    let twice = Definitions::read([("service.yaml", SERVICE), ("a.yaml", BASIC), ("b.yaml", BASIC)]).unwrap_err();
    assert!(twice.to_string().starts_with("b.yaml, document 1, metadata.labels: another SLO"), "{twice}");
    let (half, _) = BASIC.split_once("\n---").unwrap();
    assert!(read(half).unwrap_err().to_string().contains("tier basic needs an SLO of availability and one of latency"));
}

#[test]
fn percent_is_the_same() {
    let percent = read(&BASIC.replacen("target: 0.995", "targetPercent: 99.5", 1)).unwrap();
    assert_eq!(percent.of(None, "basic"), read(BASIC).unwrap().of(None, "basic"));
}
