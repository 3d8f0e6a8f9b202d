//! Turns `data/airports.csv` into a sorted static table, so that a function does no work for it at start-up.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=data/airports.csv");
    let mut table = String::from("[\n");
    let mut previous = String::new();
    for row in csv::Reader::from_path("data/airports.csv")?.deserialize() {
        let (code, _name, _city, _country, latitude, longitude): (String, String, String, String, f64, f64) = row?;
        if code <= previous {
            return Err(format!("airports.csv: {code} after {previous}: not sorted or not unique").into());
        }
        if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(format!("airports.csv: {code} is no IATA code").into());
        }
        writeln!(table, "Airport {{ code: IataCode(*b{code:?}), latitude: {latitude:?}, longitude: {longitude:?} }},")?;
        previous = code;
    }
    table.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("airports.rs"), table)?;
    Ok(())
}
