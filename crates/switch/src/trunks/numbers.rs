//! How trunks write numbers: ready-made forms for a country and an area, and rules by prefix beside them.
//!
//! An account has a form of its own: mobiles from their 1, landlines from the 0 of their area code, other countries from
//! 00. That is what records, events and the API show; only what goes to a trunk or comes from it is written otherwise.

/// The forms of numbers at one trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberFormat {
    /// How numbers are written to it.
    pub form: Form,
    /// The country it is in, by its code without +.
    pub country: String,
    /// The area it is in, by its code without the leading 0; empty: numbers without area code are let be.
    pub area_code: String,
    /// For the number called, once it is in the form.
    pub called_out: Vec<PrefixRule>,
    /// For the number shown, once it is in the form.
    pub shown_out: Vec<PrefixRule>,
    /// For the number called by a call that comes in, before it is put into the account's form.
    pub called_in: Vec<PrefixRule>,
    /// For the number of who calls in, before it is put into the account's form.
    pub caller_in: Vec<PrefixRule>,
}

/// A form of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As the account has them.
    #[default]
    AsIs,
    /// `13800138000`, `01088880000`, `0012025550100`.
    National,
    /// As `National`, but without the area code inside the area: `88880000`.
    Local,
    /// `8613800138000`, `861088880000`, `12025550100`.
    E164,
    /// `+8613800138000`, `+861088880000`, `+12025550100`.
    Plus,
}

/// Changes numbers that begin in a certain way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixRule {
    /// How they begin; empty: all do.
    pub prefix: String,
    /// How many characters are taken away at the beginning.
    pub strip: usize,
    /// What is put there instead.
    pub add: String,
    /// How many digits they have at least …
    pub digits_min: usize,
    /// … and at most.
    pub digits_max: usize,
}

/// A number, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Number {
    /// Of the country, without its code and without a leading 0.
    National(String),
    /// Of another one, with its code.
    Foreign(String),
    /// A short or service number, or nothing that is understood: let be.
    Other(String),
}

/// Mainland China, whose numbers are known best.
const CHINA: &str = "86";
/// Longer numbers than this, with the code of the country and nothing before it, are taken for such.
const WITH_CODE_DIGITS_MIN: usize = 10;
/// Emergency, carriers, banks: 110, 10086, 95588.
const SHORT_DIGITS_MAX: usize = 6;

impl Default for NumberFormat {
    fn default() -> NumberFormat {
        NumberFormat {
            form: Form::AsIs,
            country: CHINA.to_owned(),
            area_code: String::new(),
            called_out: Vec::new(),
            shown_out: Vec::new(),
            called_in: Vec::new(),
            caller_in: Vec::new(),
        }
    }
}

impl NumberFormat {
    /// The number to call, as the trunk wants it.
    pub fn called(&self, number: &str) -> String {
        change(&self.called_out, self.write(number, self.form))
    }

    /// The number to show, as the trunk wants it.
    pub fn shown(&self, number: &str) -> String {
        change(&self.shown_out, self.write(number, self.form))
    }

    /// A number that is called by the trunk, as accounts have it.
    pub fn called_from(&self, number: &str) -> String {
        self.own(&change(&self.called_in, number.to_owned()))
    }

    /// The number of who calls by the trunk, as accounts have it.
    pub fn caller_from(&self, number: &str) -> String {
        self.own(&change(&self.caller_in, number.to_owned()))
    }

    /// A number in the form of accounts, however it is written.
    pub fn own(&self, number: &str) -> String {
        self.write(number, Form::National)
    }

    fn write(&self, number: &str, form: Form) -> String {
        if form == Form::AsIs {
            return number.to_owned();
        }
        match (self.read(number), form) {
            (Number::Other(number), _) => number,
            (Number::National(digits), Form::Plus) => format!("+{}{digits}", self.country),
            (Number::National(digits), Form::E164) => format!("{}{digits}", self.country),
            (Number::National(digits), Form::Local) => match self.without_area(&digits) {
                Some(local) => local.to_owned(),
                None => self.dialled(&digits),
            },
            (Number::National(digits), Form::National | Form::AsIs) => self.dialled(&digits),
            (Number::Foreign(digits), Form::Plus) => format!("+{digits}"),
            (Number::Foreign(digits), Form::E164) => digits,
            (Number::Foreign(digits), Form::National | Form::Local | Form::AsIs) => format!("00{digits}"),
        }
    }

    fn read(&self, number: &str) -> Number {
        let plain: String = number.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
        let (international, digits) = match plain.strip_prefix('+').or_else(|| plain.strip_prefix("00")) {
            Some(rest) => (true, rest),
            None => (false, plain.as_str()),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Number::Other(number.to_owned());
        }
        if international {
            return self.read_international(digits);
        }
        let after_code = digits.strip_prefix(&self.country).filter(|rest| rest.len() >= WITH_CODE_DIGITS_MIN);
        match after_code {
            Some(rest) => self.read_significant(rest),
            None => self.read_dialled(digits),
        }
    }

    fn read_international(&self, digits: &str) -> Number {
        match digits.strip_prefix(&self.country) {
            Some(rest) => self.read_significant(rest),
            None => Number::Foreign(digits.to_owned()),
        }
    }

    /// What follows the code of the country; some put the 0 of the area code there all the same.
    fn read_significant(&self, digits: &str) -> Number {
        match self.is_service(digits) {
            true => Number::Other(digits.to_owned()),
            false => Number::National(digits.strip_prefix('0').unwrap_or(digits).to_owned()),
        }
    }

    /// As it is dialled inside the country.
    fn read_dialled(&self, digits: &str) -> Number {
        if self.is_service(digits) {
            return Number::Other(digits.to_owned());
        }
        let outside_the_area = digits.strip_prefix('0').filter(|rest| rest.len() > SHORT_DIGITS_MAX);
        match outside_the_area {
            Some(rest) => Number::National(rest.to_owned()),
            None if self.is_mobile(digits) => Number::National(digits.to_owned()),
            None if self.is_local(digits) => Number::National(format!("{}{digits}", self.area_code)),
            None => Number::Other(digits.to_owned()),
        }
    }

    /// A number of the country as it is dialled anywhere in it.
    fn dialled(&self, digits: &str) -> String {
        match self.is_mobile(digits) {
            true => digits.to_owned(),
            false => format!("0{digits}"),
        }
    }

    fn without_area<'a>(&self, digits: &'a str) -> Option<&'a str> {
        let local = digits.strip_prefix(&self.area_code).filter(|local| self.is_local(local))?;
        (!self.is_mobile(digits)).then_some(local)
    }

    /// Numbers that are the same everywhere and have no area.
    fn is_service(&self, digits: &str) -> bool {
        let of_china = || match digits.len() {
            7..=8 => digits.starts_with("95") || digits.starts_with("96"),
            10 => digits.starts_with("400") || digits.starts_with("800"),
            _ => false,
        };
        digits.len() <= SHORT_DIGITS_MAX || (self.country == CHINA && of_china())
    }

    fn is_mobile(&self, digits: &str) -> bool {
        self.country == CHINA && digits.len() == 11 && matches!(digits.as_bytes(), [b'1', b'3'..=b'9', ..])
    }

    fn is_local(&self, digits: &str) -> bool {
        let begins_well = self.country != CHINA || matches!(digits.as_bytes().first(), Some(b'2'..=b'8'));
        !self.area_code.is_empty() && (7..=8).contains(&digits.len()) && begins_well
    }
}

/// The first rule that fits changes the number.
fn change(rules: &[PrefixRule], number: String) -> String {
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let fits = |rule: &&PrefixRule| {
        number.starts_with(&rule.prefix) && (rule.digits_min..=rule.digits_max).contains(&digits)
    };
    match rules.iter().find(fits) {
        Some(rule) => rule.add.chars().chain(number.chars().skip(rule.strip)).collect(),
        None => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beijing(form: Form) -> NumberFormat {
        NumberFormat { form, area_code: "10".to_owned(), ..NumberFormat::default() }
    }

    #[test]
    fn every_form_of_a_number_becomes_every_other() {
        // As accounts have it, then National, Local, E164, Plus.
        let table = [
            ["13800138000", "13800138000", "13800138000", "8613800138000", "+8613800138000"],
            ["01088880000", "01088880000", "88880000", "861088880000", "+861088880000"],
            ["02258834811", "02258834811", "02258834811", "862258834811", "+862258834811"],
            ["07556666888", "07556666888", "07556666888", "867556666888", "+867556666888"],
            ["0012025550100", "0012025550100", "0012025550100", "12025550100", "+12025550100"],
            ["4008001234", "4008001234", "4008001234", "4008001234", "4008001234"],
            ["8008101234", "8008101234", "8008101234", "8008101234", "8008101234"],
            ["95588", "95588", "95588", "95588", "95588"],
            ["110", "110", "110", "110", "110"],
            ["10086", "10086", "10086", "10086", "10086"],
            ["95013000", "95013000", "95013000", "95013000", "95013000"],
            ["1001#", "1001#", "1001#", "1001#", "1001#"],
        ];
        let forms = [Form::AsIs, Form::National, Form::Local, Form::E164, Form::Plus];
        for row in table {
            for (form, written) in forms.into_iter().zip(row) {
                assert_eq!(beijing(form).called(row[0]), written, "{form:?} of {}", row[0]);
            }
            // Without its +, the number of another country looks like one of ours.
            for written in [row[1], row[2], row[4]] {
                assert_eq!(beijing(Form::AsIs).called_from(written), row[0], "from {written}");
            }
        }
    }

    #[test]
    fn numbers_are_read_as_people_and_carriers_write_them() {
        let table = [
            ("+86 138-0013-8000", "13800138000"),
            ("008613800138000", "13800138000"),
            ("8613800138000", "13800138000"),
            ("013800138000", "13800138000"),
            ("+8601088880000", "01088880000"),
            ("861088880000", "01088880000"),
            ("(010) 88880000", "01088880000"),
            ("88880000", "01088880000"),
            ("86880000", "01086880000"),
            ("+8695588", "95588"),
            ("+864008001234", "4008001234"),
            ("+12025550100", "0012025550100"),
            ("anonymous", "anonymous"),
            ("", ""),
            ("+", "+"),
        ];
        for (written, own) in table {
            assert_eq!(beijing(Form::AsIs).own(written), own, "{written}");
        }
        let nowhere = NumberFormat::default();
        assert_eq!(nowhere.own("88880000"), "88880000", "of which area?");
        let germany =
            NumberFormat { country: "49".to_owned(), area_code: "30".to_owned(), ..NumberFormat::default() };
        assert_eq!(germany.own("+493012345678"), "03012345678");
        assert_eq!(germany.own("1234567"), "0301234567");
        assert_eq!(germany.own("+8613800138000"), "008613800138000");
    }

    #[test]
    fn the_first_rule_that_fits_changes_a_number() {
        let rule = |prefix: &str, strip, add: &str, digits: std::ops::RangeInclusive<usize>| PrefixRule {
            prefix: prefix.to_owned(),
            strip,
            add: add.to_owned(),
            digits_min: *digits.start(),
            digits_max: *digits.end(),
        };
        let rules = vec![
            rule("1", 0, "9", 11..=11),
            rule("+86", 3, "0", 0..=30),
            rule("0", 1, "", 10..=12),
            rule("", 0, "77", 5..=5),
            rule("x", 99, "", 0..=30),
        ];
        let format = NumberFormat { called_out: rules, ..NumberFormat::default() };
        for (number, changed) in [
            ("13800138000", "913800138000"),
            ("1380", "1380"),
            ("+8613800138000", "013800138000"),
            ("01088880000", "1088880000"),
            ("010", "010"),
            ("95588", "7795588"),
            ("x1", ""),
        ] {
            assert_eq!(format.called(number), changed);
        }
        assert_eq!(format.shown("13800138000"), "13800138000", "that is another list");
    }

    #[test]
    fn the_form_comes_before_the_rules_on_the_way_out_and_after_them_on_the_way_in() {
        let add = PrefixRule {
            prefix: "+".to_owned(),
            strip: 1,
            add: "88".to_owned(),
            digits_min: 0,
            digits_max: 30,
        };
        let strip = PrefixRule { prefix: "88".to_owned(), strip: 2, add: "+".to_owned(), ..add.clone() };
        let format = NumberFormat { called_out: vec![add], called_in: vec![strip], ..beijing(Form::Plus) };
        assert_eq!(format.called("13800138000"), "888613800138000");
        assert_eq!(format.called_from("888613800138000"), "13800138000");
    }
}
