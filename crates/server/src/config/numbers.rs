use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, ensure};
use callcenter::numbers::NumberPlan;
use flate2::read::GzDecoder;

use super::limits;

/// Mobile prefixes and area codes of mainland China; see data/NOTICE for their origin.
const BUILT_IN: &[u8] = include_bytes!("../../data/phone.dat.gz");

/// Which number belongs where: from the `phone.dat` at `path`, plain or gzip-compressed, or from the built-in one.
///
/// # Errors
/// When the file cannot be read or is no `phone.dat`.
pub fn number_plan(path: Option<&Path>) -> anyhow::Result<NumberPlan> {
    let Some(path) = path else { return decode(BUILT_IN).context("the built-in phone.dat") };
    let read = || -> anyhow::Result<NumberPlan> { decode(&read_bounded(File::open(path)?)?) };
    read().with_context(|| format!("number_data {}", path.display()))
}

fn decode(bytes: &[u8]) -> anyhow::Result<NumberPlan> {
    const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
    match bytes.starts_with(&GZIP_MAGIC) {
        true => Ok(NumberPlan::from_phone_dat(&read_bounded(GzDecoder::new(bytes))?)?),
        false => Ok(NumberPlan::from_phone_dat(bytes)?),
    }
}

fn read_bounded(from: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let len = from.take(limits::PHONE_DAT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    let within = u64::try_from(len).is_ok_and(|len| len <= limits::PHONE_DAT_BYTES_MAX);
    ensure!(within, "longer than the limit of {} bytes", limits::PHONE_DAT_BYTES_MAX);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use callcenter::numbers::NumberKind;

    use super::*;

    #[test]
    fn the_built_in_plan_knows_the_numbers_of_the_document() {
        let plan = number_plan(None).expect("the built-in data is whole");
        for number in ["17319132391", "18518475260", "15201277786"] {
            let found = plan.find(number);
            assert_eq!(
                (found.kind, found.area_code.as_str(), found.city.as_str()),
                (NumberKind::Mobile, "010", "北京")
            );
        }
        let found = plan.find("02258834811");
        assert_eq!(
            (found.kind, found.area_code.as_str(), found.city.as_str()),
            (NumberKind::Fixed, "022", "天津")
        );
        assert_eq!(plan.find("0898 66668888").city, "海口");
        assert_eq!(plan.find("0551-62345678").province, "安徽");
        assert_eq!(plan.find("95588").kind, NumberKind::Unknown);
    }

    #[test]
    fn a_missing_or_broken_file_is_named() {
        let error = number_plan(Some(Path::new("no/such/phone.dat"))).expect_err("there is none");
        assert!(error.to_string().starts_with("number_data no/such/phone.dat"), "{error}");
        assert!(decode(b"2312").is_err());
    }
}
