//! Turns `data/airports.csv` into a sorted static table, so that a function does no work for it at start-up.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=data/airports.csv");
    let mut table = String::from("[\n");
    let mut previous = String::new();
    for row in csv::Reader::from_path("data/airports.csv")?.deserialize() {
        let (code, _name, _city, _country, latitude, longitude): (String, String, String, String, String, String) =
            row?;
        if code <= previous {
            return Err(format!("airports.csv: {code} after {previous}: not sorted or not unique").into());
        }
        if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(format!("airports.csv: {code} is no IATA code").into());
        }
        let [latitude, longitude] = [hundred_thousandths(&latitude)?, hundred_thousandths(&longitude)?];
        writeln!(table, "Airport {{ code: IataCode(*b{code:?}), latitude: {latitude}, longitude: {longitude} }},")?;
        previous = code;
    }
    table.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("airports.rs"), table)?;
    Ok(())
}

/// A coordinate as the whole number that the table has: the data set gives five decimals of a degree, a metre.
fn hundred_thousandths(degrees: &str) -> Result<i32, Box<dyn Error>> {
    match degrees.split_once('.') {
        Some((whole, decimals)) if decimals.len() == 5 => Ok(format!("{whole}{decimals}").parse()?),
        _ => Err(format!("airports.csv: {degrees} has not five decimals").into()),
    }
}
