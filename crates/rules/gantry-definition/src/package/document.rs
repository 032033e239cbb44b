//! The document as it is written, and its way to a [`Package`].

use std::collections::BTreeMap;

use gantry_types::{code::Code, findings::Rgb};
use serde::Deserialize;

use super::{
    Class, ContractClause, DeclaredFinding, DeclaredMeasurement, Package, PackageError, Parameter, Quantity,
    Resources, Step, scope,
};
use crate::expression::{Expression, Scope, Table, Tables};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    app: App,
    #[serde(default)]
    eligibility: Vec<Clause>,
    #[serde(default)]
    contract: Vec<Clause>,
    #[serde(default)]
    tables: BTreeMap<String, Vec<TableRow>>,
    steps: Vec<StepDocument>,
    findings: Vec<Finding>,
    picture: Option<PictureDocument>,
    resources: ResourcesDocument,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct App {
    name: String,
    version: String,
    title: String,
    manufacturer: String,
    intended_use: String,
    class: ClassDocument,
    licence: String,
    family: [String; 3],
    body_part: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ClassDocument {
    Test,
    Research,
    Clinical,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clause {
    name: String,
    clause: String,
    sentence: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableRow {
    keys: Vec<String>,
    value: String,
}

#[derive(Deserialize)]
struct StepDocument {
    step: String,
    #[serde(flatten)]
    parameters: BTreeMap<String, ParameterDocument>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ParameterDocument {
    Number(f64),
    Numbers(Vec<f64>),
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PictureDocument {
    window: [i16; 2],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finding {
    key: String,
    label: u8,
    name: String,
    category: [String; 3],
    property: [String; 3],
    laterality: Option<[String; 3]>,
    colour: [u8; 3],
    #[serde(default)]
    measurements: Vec<Measurement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Measurement {
    key: String,
    quantity: QuantityDocument,
    below: Option<i16>,
    concept: [String; 3],
    derivation: Option<[String; 3]>,
    method: Option<[String; 3]>,
    unit: [String; 3],
    plausible: [f64; 2],
    #[serde(default)]
    requires: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum QuantityDocument {
    Volume,
    Mean,
    PercentageBelow,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourcesDocument {
    memory_mib: u64,
    time_secs: u64,
}

pub(super) fn parse(text: &str) -> Result<Package, PackageError> {
    let document: Document = toml::from_str(text)
        .map_err(|error| PackageError::Document(error.to_string().trim_end().to_owned()))?;
    let tables = tables(document.tables)?;
    let scope = scope(&tables);
    let contract = clauses("contract", document.contract, &scope)?;
    let findings = findings(document.findings, &contract)?;
    let app = document.app;
    let version_length = app.version.chars().count();
    if !(1..=16).contains(&version_length) {
        return Err(wrong("app.version", "must have 1 to 16 characters"));
    }
    Ok(Package {
        name: app
            .name
            .parse()
            .map_err(|error: gantry_types::ids::IdError| wrong("app.name", error.to_string()))?,
        version: app.version,
        title: app.title,
        manufacturer: app.manufacturer,
        intended_use: app.intended_use,
        class: match app.class {
            ClassDocument::Test => Class::Test,
            ClassDocument::Research => Class::Research,
            ClassDocument::Clinical => Class::Clinical,
        },
        licence: app.licence,
        family: code("app.family", &app.family)?,
        body_part: app.body_part,
        eligibility: clauses("eligibility", document.eligibility, &scope)?,
        contract,
        tables,
        steps: document.steps.into_iter().map(step).collect(),
        findings,
        window: document.picture.map(window).transpose()?,
        resources: Resources {
            memory_mib: document.resources.memory_mib,
            time_secs: document.resources.time_secs,
        },
    })
}

fn window(document: PictureDocument) -> Result<[i16; 2], PackageError> {
    match document.window {
        [low, high] if low < high => Ok([low, high]),
        _ => Err(wrong("picture.window", "must be two ascending numbers")),
    }
}

fn wrong(place: impl Into<String>, why: impl Into<String>) -> PackageError {
    PackageError::Value { place: place.into(), why: why.into() }
}

fn code(place: &str, triplet: &[String; 3]) -> Result<Code, PackageError> {
    let [value, scheme, meaning] = triplet;
    Code::new(value, scheme, meaning).map_err(|error| wrong(place, error.to_string()))
}

fn tables(documents: BTreeMap<String, Vec<TableRow>>) -> Result<Tables, PackageError> {
    let mut tables = Tables::new();
    for (name, rows) in documents {
        let columns = rows.first().map_or(0, |row| row.keys.len());
        if columns == 0 || rows.iter().any(|row| row.keys.len() != columns) {
            return Err(wrong(
                format!("tables.{name}"),
                "every row needs the same number of keys, at least one",
            ));
        }
        tables.insert(name, Table { rows: rows.into_iter().map(|row| (row.keys, row.value)).collect() });
    }
    Ok(tables)
}

fn clauses(place: &str, documents: Vec<Clause>, scope: &Scope) -> Result<Vec<ContractClause>, PackageError> {
    let mut clauses: Vec<ContractClause> = Vec::new();
    for document in documents {
        let place = format!("{place}.{}", document.name);
        if clauses.iter().any(|clause| clause.name == document.name) {
            return Err(wrong(place, "the name occurs twice"));
        }
        let condition =
            Expression::compile(&document.clause, scope).map_err(|error| wrong(place, error.to_string()))?;
        clauses.push(ContractClause { name: document.name, condition, sentence: document.sentence });
    }
    Ok(clauses)
}

fn step(document: StepDocument) -> Step {
    let parameter = |document| match document {
        ParameterDocument::Number(number) => Parameter::Number(number),
        ParameterDocument::Numbers(numbers) => Parameter::Numbers(numbers),
        ParameterDocument::Text(text) => Parameter::Text(text),
    };
    let parameters = document.parameters.into_iter().map(|(key, value)| (key, parameter(value))).collect();
    Step { name: document.step, parameters }
}

fn findings(
    documents: Vec<Finding>,
    contract: &[ContractClause],
) -> Result<Vec<DeclaredFinding>, PackageError> {
    let mut findings = Vec::new();
    for (document, label) in documents.into_iter().zip(1_u8..) {
        let place = format!("findings.{}", document.key);
        if document.label != label {
            return Err(wrong(
                place,
                format!("its label must be {label}: labels ascend from 1 without gaps"),
            ));
        }
        if !(1..=64).contains(&document.name.chars().count()) {
            return Err(wrong(place, "its name must have 1 to 64 characters"));
        }
        let of = |key: &str| format!("{place}.{key}");
        let measurements = document.measurements.into_iter().map(|m| measurement(&place, m, contract));
        findings.push(DeclaredFinding {
            label,
            category: code(&of("category"), &document.category)?,
            property: code(&of("property"), &document.property)?,
            laterality: optional(&of("laterality"), document.laterality.as_ref())?,
            colour: Rgb(document.colour),
            measurements: measurements.collect::<Result<_, _>>()?,
            key: document.key,
            name: document.name,
        });
    }
    Ok(findings)
}

fn optional(place: &str, triplet: Option<&[String; 3]>) -> Result<Option<Code>, PackageError> {
    triplet.map(|triplet| code(place, triplet)).transpose()
}

fn measurement(
    finding: &str,
    document: Measurement,
    contract: &[ContractClause],
) -> Result<DeclaredMeasurement, PackageError> {
    let place = format!("{finding}.{}", document.key);
    let quantity = match (document.quantity, document.below) {
        (QuantityDocument::Volume, None) => Quantity::Volume,
        (QuantityDocument::Mean, None) => Quantity::Mean,
        (QuantityDocument::PercentageBelow, Some(below)) => Quantity::PercentageBelow(below),
        (QuantityDocument::Volume | QuantityDocument::Mean, Some(_)) => {
            return Err(wrong(place, "`below` belongs to percentage-below"));
        }
        (QuantityDocument::PercentageBelow, None) => {
            return Err(wrong(place, "percentage-below needs `below`"));
        }
    };
    if let Some(unknown) =
        document.requires.iter().find(|name| !contract.iter().any(|clause| clause.name == **name))
    {
        return Err(wrong(place, format!("requires `{unknown}`, which the contract does not have")));
    }
    let [from, to] = document.plausible;
    if !from.is_finite() || !to.is_finite() || to <= from {
        return Err(wrong(place, "the plausible range must ascend"));
    }
    let of = |key: &str| format!("{place}.{key}");
    Ok(DeclaredMeasurement {
        quantity,
        concept: code(&of("concept"), &document.concept)?,
        derivation: optional(&of("derivation"), document.derivation.as_ref())?,
        method: optional(&of("method"), document.method.as_ref())?,
        unit: code(&of("unit"), &document.unit)?,
        plausible: document.plausible,
        requires: document.requires,
        key: document.key,
    })
}
