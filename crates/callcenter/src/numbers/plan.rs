use std::collections::BTreeMap;
use std::fmt;

use super::{Attribution, NumberKind};

/// Longest telephone number looked at, in characters; a longer one is `Unknown`.
const NUMBER_LEN_MAX: usize = 24;
/// Most places a `phone.dat` may name; the published file has 377.
const PLACES_MAX: usize = 65_535;
/// Most mobile prefixes: those of seven digits that begin with 1.
const PREFIXES_MAX: usize = 1_000_000;
const HEADER_LEN: usize = 8;
const INDEX_ENTRY_LEN: usize = 9;

/// The area codes of three digits, with the city that the code is known by. They hold without any data, and win over
/// it: 028 is shared with 眉山 and 资阳, but read as 成都.
const SHORT_AREA_CODES: [(&str, &str, &str); 10] = [
    ("010", "北京", "北京"),
    ("020", "广东", "广州"),
    ("021", "上海", "上海"),
    ("022", "天津", "天津"),
    ("023", "重庆", "重庆"),
    ("024", "辽宁", "沈阳"),
    ("025", "江苏", "南京"),
    ("027", "湖北", "武汉"),
    ("028", "四川", "成都"),
    ("029", "陕西", "西安"),
];

/// Knows which place a mobile prefix or an area code belongs to.
#[derive(Clone, Debug)]
pub struct NumberPlan {
    places: Vec<Place>,
    /// Ascending by prefix.
    mobiles: Vec<MobilePrefix>,
    area_codes: BTreeMap<String, Place>,
}

/// Why bytes are not a `phone.dat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhoneDatError {
    /// Shorter than its header, or its index lies outside it.
    Truncated,
    /// The index is not a whole number of 9-byte entries.
    RaggedIndex,
    /// More places or prefixes than the limits here allow.
    TooLarge,
    /// The place at this byte offset is not UTF-8 text `province|city|zip|areacode`.
    BadPlace {
        /// Byte offset in the file.
        offset: usize,
    },
    /// This index entry (from 0) does not follow the one before it, or is not a seven-digit mobile prefix.
    BadPrefix {
        /// Position in the index.
        entry: usize,
    },
    /// This index entry (from 0) points to where no place begins.
    BadPointer {
        /// Position in the index.
        entry: usize,
    },
}

#[derive(Clone, Debug)]
struct Place {
    area_code: String,
    province: String,
    city: String,
}

#[derive(Clone, Copy, Debug)]
struct MobilePrefix {
    /// The first seven digits of the number.
    prefix: u32,
    /// Position in `places`.
    place: u16,
}

impl NumberPlan {
    /// A plan without data: it tells kinds of numbers and knows the area codes of three digits.
    pub fn empty() -> NumberPlan {
        let area_codes = SHORT_AREA_CODES
            .map(|(code, province, city)| (code.to_owned(), Place::new(code, province, city)));
        NumberPlan { places: Vec::new(), mobiles: Vec::new(), area_codes: area_codes.into() }
    }

    /// From the bytes of a `phone.dat`, the layout in which Chinese mobile prefixes are commonly published: a 4-byte
    /// version, the index's offset (u32, little-endian), places `province|city|zip|areacode\0`, then index entries
    /// of 9 bytes: prefix (u32), offset of its place (u32), carrier (u8).
    ///
    /// # Errors
    /// When the bytes are not such a file; every entry is checked.
    pub fn from_phone_dat(data: &[u8]) -> Result<NumberPlan, PhoneDatError> {
        let index_at = data.get(4..HEADER_LEN).map(little_endian).ok_or(PhoneDatError::Truncated)?;
        let index_at = usize::try_from(index_at).map_err(|_| PhoneDatError::Truncated)?;
        if index_at < HEADER_LEN || index_at > data.len() {
            return Err(PhoneDatError::Truncated);
        }
        let (offsets, places) = read_places(&data[..index_at])?;
        let mobiles = read_index(&data[index_at..], &offsets)?;
        let area_codes = area_codes(&places, &mobiles);
        Ok(NumberPlan { places, mobiles, area_codes })
    }

    /// Where `number` belongs, as dialled or shown: a mobile or a landline, with or without +86, 0086, 86 or (before
    /// a mobile) 0. Spaces, hyphens and parentheses are ignored. 400, 800 and 95xxx numbers belong nowhere.
    pub fn find(&self, number: &str) -> Attribution {
        let Some(digits) = national_digits(number) else { return Attribution::default() };
        if is_mobile(&digits) {
            let place = digits[..7].parse().ok().and_then(|prefix| self.mobile_place(prefix));
            return attribution(NumberKind::Mobile, place);
        }
        match self.landline_place(&digits) {
            Some(place) => attribution(NumberKind::Fixed, Some(place)),
            None => Attribution::default(),
        }
    }

    fn mobile_place(&self, prefix: u32) -> Option<&Place> {
        let at = self.mobiles.binary_search_by_key(&prefix, |mobile| mobile.prefix).ok()?;
        Some(&self.places[usize::from(self.mobiles[at].place)])
    }

    fn landline_place(&self, digits: &str) -> Option<&Place> {
        // No code is the beginning of another: those of three digits start with 01 or 02, the others do not.
        [3, 4].into_iter().find_map(|code_len| {
            let (code, local) = digits.split_at_checked(code_len)?;
            (5..=8).contains(&local.len()).then(|| self.area_codes.get(code))?
        })
    }
}

impl Default for NumberPlan {
    fn default() -> NumberPlan {
        NumberPlan::empty()
    }
}

impl Place {
    fn new(area_code: &str, province: &str, city: &str) -> Place {
        Place { area_code: area_code.to_owned(), province: province.to_owned(), city: city.to_owned() }
    }
}

impl fmt::Display for PhoneDatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PhoneDatError::Truncated => f.write_str("the file is shorter than its header says"),
            PhoneDatError::RaggedIndex => {
                write!(f, "the index is not a whole number of {INDEX_ENTRY_LEN}-byte entries")
            }
            PhoneDatError::TooLarge => {
                write!(f, "more than {PLACES_MAX} places or {PREFIXES_MAX} prefixes")
            }
            PhoneDatError::BadPlace { offset } => {
                write!(f, "at byte {offset} stands no place of the form province|city|zip|areacode")
            }
            PhoneDatError::BadPrefix { entry } => {
                write!(f, "index entry {entry} is no mobile prefix greater than the one before it")
            }
            PhoneDatError::BadPointer { entry } => write!(f, "index entry {entry} points to no place"),
        }
    }
}

impl std::error::Error for PhoneDatError {}

fn attribution(kind: NumberKind, place: Option<&Place>) -> Attribution {
    match place {
        Some(place) => Attribution {
            kind,
            area_code: place.area_code.clone(),
            province: place.province.clone(),
            city: place.city.clone(),
        },
        None => Attribution { kind, ..Attribution::default() },
    }
}

/// The number as dialled inside China: a mobile from its 1, a landline from its 0. `None` when it is no number.
fn national_digits(number: &str) -> Option<String> {
    if number.len() > NUMBER_LEN_MAX {
        return None;
    }
    let text: String = number.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
    let (international, text) = match text.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => match text.strip_prefix("00") {
            Some(rest) => (true, rest),
            None => (false, text.as_str()),
        },
    };
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Without + or 00, a leading 86 is the country code only when more follows than a local number has.
    let national = match text.strip_prefix("86") {
        Some(rest) if international || text.len() >= 12 => rest,
        Some(_) | None if international => return None,
        Some(_) | None => return Some(strip_trunk_zero(text).to_owned()),
    };
    Some(match is_mobile(national) || national.starts_with('0') {
        true => strip_trunk_zero(national).to_owned(),
        false => format!("0{national}"),
    })
}

/// A 0 dialled before a mobile, as in calls from another city.
fn strip_trunk_zero(digits: &str) -> &str {
    digits.strip_prefix('0').filter(|rest| is_mobile(rest)).unwrap_or(digits)
}

fn is_mobile(digits: &str) -> bool {
    digits.len() == 11 && digits.starts_with('1') && matches!(digits.as_bytes()[1], b'3'..=b'9')
}

/// The places and the offsets at which they begin, both ascending by offset.
fn read_places(data: &[u8]) -> Result<(Vec<usize>, Vec<Place>), PhoneDatError> {
    let (mut offsets, mut places) = (Vec::new(), Vec::new());
    let mut offset = HEADER_LEN;
    for bytes in data[HEADER_LEN..].split(|byte| *byte == 0) {
        if !bytes.is_empty() {
            let text = std::str::from_utf8(bytes).map_err(|_| PhoneDatError::BadPlace { offset })?;
            places.push(read_place(text).ok_or(PhoneDatError::BadPlace { offset })?);
            offsets.push(offset);
        }
        offset += bytes.len() + 1;
    }
    match places.len() <= PLACES_MAX {
        true => Ok((offsets, places)),
        false => Err(PhoneDatError::TooLarge),
    }
}

fn read_place(text: &str) -> Option<Place> {
    let mut fields = text.split('|');
    let (province, city, _zip, code) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    // The published file spells one code with two zeros.
    let code = code.trim_start_matches('0');
    let well_formed = fields.next().is_none() && !code.is_empty() && code.bytes().all(|b| b.is_ascii_digit());
    well_formed.then(|| Place::new(&format!("0{code}"), province, city))
}

fn read_index(index: &[u8], offsets: &[usize]) -> Result<Vec<MobilePrefix>, PhoneDatError> {
    if !index.len().is_multiple_of(INDEX_ENTRY_LEN) {
        return Err(PhoneDatError::RaggedIndex);
    }
    if index.len() / INDEX_ENTRY_LEN > PREFIXES_MAX {
        return Err(PhoneDatError::TooLarge);
    }
    let mut mobiles: Vec<MobilePrefix> = Vec::with_capacity(index.len() / INDEX_ENTRY_LEN);
    for (entry, bytes) in index.chunks_exact(INDEX_ENTRY_LEN).enumerate() {
        let (prefix, offset) = (little_endian(&bytes[..4]), little_endian(&bytes[4..8]));
        let follows = mobiles.last().is_none_or(|last| last.prefix < prefix);
        if !follows || !(1_000_000..2_000_000).contains(&prefix) {
            return Err(PhoneDatError::BadPrefix { entry });
        }
        let place = usize::try_from(offset).ok().and_then(|offset| offsets.binary_search(&offset).ok());
        let place = place.ok_or(PhoneDatError::BadPointer { entry })?;
        let place = u16::try_from(place).expect("read_places admits at most 65,535 places");
        mobiles.push(MobilePrefix { prefix, place });
    }
    Ok(mobiles)
}

/// The place of each area code. Some places share one (0898 is 海口 and 三亚): the one with the most mobile prefixes
/// stands for it.
fn area_codes(places: &[Place], mobiles: &[MobilePrefix]) -> BTreeMap<String, Place> {
    let mut weights = vec![0_u32; places.len()];
    for mobile in mobiles {
        weights[usize::from(mobile.place)] += 1;
    }
    let mut heaviest: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, place) in places.iter().enumerate() {
        let best = heaviest.entry(&place.area_code).or_insert(at);
        if weights[at] > weights[*best] {
            *best = at;
        }
    }
    let mut codes: BTreeMap<String, Place> =
        heaviest.into_iter().map(|(code, at)| (code.to_owned(), places[at].clone())).collect();
    codes.extend(NumberPlan::empty().area_codes);
    codes
}

fn little_endian(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("callers pass slices of four bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A `phone.dat` of these places and of `(prefix, position of its place)`.
    fn phone_dat(places: &[&str], prefixes: &[(u32, usize)]) -> Vec<u8> {
        let mut records = Vec::new();
        let mut offsets = Vec::new();
        for place in places {
            offsets.push(u32::try_from(HEADER_LEN + records.len()).expect("a small file"));
            records.extend_from_slice(place.as_bytes());
            records.push(0);
        }
        let mut data = b"2312".to_vec();
        data.extend(u32::try_from(HEADER_LEN + records.len()).expect("a small file").to_le_bytes());
        data.extend(records);
        for (prefix, place) in prefixes {
            data.extend(prefix.to_le_bytes());
            data.extend(offsets[*place].to_le_bytes());
            data.push(1);
        }
        data
    }

    fn plan() -> NumberPlan {
        let places = [
            "北京|北京|100000|010",
            "海南|三亚|572000|0898",
            "海南|海口|570000|0898",
            "内蒙古|锡林浩特|26000|00479",
        ];
        let prefixes = [(1_731_913, 0), (1_851_847, 0), (1_876_000, 2), (1_876_001, 2), (1_876_002, 1)];
        NumberPlan::from_phone_dat(&phone_dat(&places, &prefixes)).expect("well formed")
    }

    fn place_of(number: &str) -> (NumberKind, String, String) {
        let found = plan().find(number);
        (found.kind, found.area_code, found.city)
    }

    fn beijing_mobile() -> (NumberKind, String, String) {
        (NumberKind::Mobile, "010".to_owned(), "北京".to_owned())
    }

    #[test]
    fn a_mobile_belongs_where_its_first_seven_digits_do() {
        for number in ["17319132391", "18518475260", "+8617319132391", "8617319132391", "008617319132391"] {
            assert_eq!(place_of(number), beijing_mobile(), "{number}");
        }
        assert_eq!(place_of("017319132391"), beijing_mobile());
        assert_eq!(place_of("+86 173-1913-2391"), beijing_mobile());
        assert_eq!(place_of("19900000000"), (NumberKind::Mobile, String::new(), String::new()));
    }

    #[test]
    fn a_landline_belongs_where_its_area_code_does() {
        let tianjin = (NumberKind::Fixed, "022".to_owned(), "天津".to_owned());
        for number in ["02258834811", "(022) 5883-4811", "+862258834811", "+8602258834811", "862258834811"] {
            assert_eq!(place_of(number), tianjin, "{number}");
        }
        assert_eq!(place_of("047912345678").2, "锡林浩特");
        assert_eq!(NumberPlan::empty().find("01081400192").province, "北京");
    }

    #[test]
    fn a_shared_area_code_reads_as_its_largest_city() {
        assert_eq!(place_of("089812345678"), (NumberKind::Fixed, "0898".to_owned(), "海口".to_owned()));
    }

    #[test]
    fn other_numbers_belong_nowhere() {
        let others = [
            "4001234567",
            "8008108888",
            "95588",
            "10086",
            "8005",
            "+12125550100",
            "0012125550100",
            "",
            "+",
            "abc",
        ];
        for number in
            others.into_iter().chain(["1731913239", "173191323911", "022123", "１７３１９１３２３９１"])
        {
            assert_eq!(plan().find(number), Attribution::default(), "{number}");
        }
    }

    #[test]
    fn a_broken_file_is_refused_with_the_place_of_the_damage() {
        let refusal = |data: &[u8]| NumberPlan::from_phone_dat(data).expect_err("broken");
        let good = phone_dat(&["北京|北京|100000|010"], &[(1_731_913, 0), (1_731_914, 0)]);
        assert_eq!(refusal(&good[..6]), PhoneDatError::Truncated);
        assert_eq!(refusal(&good[..20]), PhoneDatError::Truncated);
        assert_eq!(refusal(&good[..good.len() - 1]), PhoneDatError::RaggedIndex);
        let mut moved = good.clone();
        let pointer = good.len() - 5;
        moved[pointer] += 1;
        assert_eq!(refusal(&moved), PhoneDatError::BadPointer { entry: 1 });
        let backwards = phone_dat(&["北京|北京|100000|010"], &[(1_731_914, 0), (1_731_913, 0)]);
        assert_eq!(refusal(&backwards), PhoneDatError::BadPrefix { entry: 1 });
        let short = phone_dat(&["北京|北京|100000|010", "天津|天津"], &[]);
        assert_eq!(refusal(&short), PhoneDatError::BadPlace { offset: 33 });
    }

    proptest! {
        #[test]
        fn no_bytes_and_no_text_make_it_panic(data in proptest::collection::vec(any::<u8>(), 0..64), text in ".{0,30}") {
            let _ = NumberPlan::from_phone_dat(&data);
            let _ = plan().find(&text);
        }
    }
}
