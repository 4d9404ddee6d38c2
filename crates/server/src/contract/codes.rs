//! Every code of the API document with its texts, its HTTP status and its place in our words (API chapter 4).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use callcenter::command::{Limit, Refusal};

use super::verb::Verb;

/// Who is to blame, for customers who want it as HTTP status too (contract §2, `http_status = "semantic"`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    /// 404.
    NotFound,
    /// 401.
    Unauthorized,
    /// 429.
    TooMany,
    /// 400.
    BadRequest,
    /// 500.
    Internal,
}

macro_rules! codes {
    ($($name:ident = $number:literal, $blame:ident, $chinese:literal, $english:literal;)*) => {
        /// A code of the API document. Two of them share the number 6734.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = concat!($number, ": ", $english)] $name,)*
        }

        impl Code {
            /// All codes, in the order of the document.
            pub const ALL: &[Code] = &[$(Code::$name),*];

            /// The number in `code`.
            pub fn number(self) -> u16 {
                match self { $(Code::$name => $number,)* }
            }

            /// The document's text.
            pub fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Code::$name, Language::Chinese) => $chinese,
                    (Code::$name, Language::English) => $english,)*
                }
            }

            fn blame(self) -> Blame {
                match self { $(Code::$name => Blame::$blame,)* }
            }
        }
    };
}

codes! {
    PresenceUnavailable = 6700, BadRequest, "获取座席在线状态失败 请联系管理员", "get agent online status fail";
    AgentUnknown = 6701, BadRequest, "座席不存在 请选择正确的座席", "agent no found";
    AgentDisabled = 6702, BadRequest, "座席已被停用 请选择启用的座席", "agent is disable";
    AgentDeleted = 6703, BadRequest, "座席已被删除 请选择正确的座席", "agent is delete";
    NoLicence = 6704, BadRequest, "占用licence失败 账户所属席位不足", "agent occupy fail";
    NoPhone = 6705, BadRequest, "座席获取通话能力失败 请联系管理员", "agent online fail";
    NoAccountNumber = 6706, BadRequest, "请求头m7-appkey不存在", "no found accountId";
    NoAgentNumber = 6707, BadRequest, "请求体座席工号不存在", "no found agentNumber";
    AgentOffline = 6708, BadRequest, "座席未登录 请登录座席", "agent must login";
    BusyFailed = 6709, BadRequest, "座席置忙失败 请联系管理员", "agent use busy fail";
    IdleFailed = 6710, BadRequest, "座席置闲失败 请联系管理员", "agent use rest fail";
    LoginTypeInvalid = 6711, BadRequest, "座席登录状态非法 必须属于PSTN,SIP,WEBRTC的一种", "agent loginType must in PSTN,SIP,WEBRTC";
    NotInCall = 6712, BadRequest, "座席未在通话中", "agent not calling";
    InCall = 6713, BadRequest, "座席正在通话中 请勿重复外呼", "agent is calling";
    InCallNoChange = 6714, BadRequest, "座席正在通话中 请勿更换状态", "agent not change status";
    NothingToHangUp = 6715, BadRequest, "座席未在通话中 无法挂机", "unable to hangUp";
    BindTypeInvalid = 6716, BadRequest, "座席绑定状态无效 必须属于PSTN,SIP的一种", "agent bindType must in PSTN,SIP";
    AccountUnknown = 6717, BadRequest, "账户不存在", "account no found";
    AccountDisabled = 6718, BadRequest, "账户已停用", "account disable";
    AgentUpdateFailed = 6719, BadRequest, "同步座席失败", "update agent fail";
    PhoneUpdateFailed = 6720, BadRequest, "同步座席SIP号失败", "sync sipNumber fail";
    MobileTaken = 6721, BadRequest, "座席手机号重复", "agent mobile repeat";
    PhoneNotRegistered = 6722, BadRequest, "SIP号未注册 无法绑定", "sip not register";
    ReportTooLong = 6723, BadRequest, "报表查询最大支持3个月", "report max month";
    GroupRuleInvalid = 6724, BadRequest, "外呼规则参数只支持0,1 0(随机) 1(地区)", "dialOut rule must in 1,2";
    ExtrasTooLong = 6725, BadRequest, "外呼回调参数长度超出150个字符的长度", "dialOut extras beyond";
    RiskUnavailable = 6726, BadRequest, "风控服务异常", "risk control service exception";
    RiskForbidden = 6727, BadRequest, "风控禁止外呼", "risk control dialout forbidden";
    RiskWarning = 6728, BadRequest, "风控外呼提醒", "risk control dialout warning";
    AgentLocked = 6730, BadRequest, "坐席已锁定 请联系管理员解除锁定", "agent is lock, please contact admin";
    NoAgent = 6731, BadRequest, "无法定位座席 缺少座席id或座席工号", "agentId and agentNumber no found";
    RoleInvalid = 6732, BadRequest, "角色参数类型无效", "role invalid param";
    TimesMissing = 6733, BadRequest, "呼叫开始时间和呼叫结束时间必填", "startTime and endTime must need";
    TimeFormatInvalid = 6734, BadRequest, "呼叫开始时间或呼叫结束时间格式错误", "startTime or endTime format error";
    TooManyRecords = 6734, BadRequest, "通话记录查询最大支持10000条", "query cdr list max count 10000";
    ExtrasInvalid = 2017, BadRequest, "转换extras参数失败 请检查extras参数格式", "conver extras to json fail";
    EditionWithoutCalls = 2020, BadRequest, "该座席所属版本不具备通话能力或该座席所属版本不具备在线咨询能力", "lack of call_toolbar permission or lack of im_change permission";
    NoBalance = 2021, BadRequest, "帐户余额不足", "account balance not enough";
    RouteUnknown = 50001, NotFound, "路由不存在", "route not found";
    SignatureWrong = 50002, Unauthorized, "鉴权失败", "auth failed";
    ServiceUnknown = 50006, NotFound, "服务不存在,请检查service配置", "server not found";
    RemoteFailed = 50007, Internal, "请求远程服务出错", "request server error";
    RemoteNotFound = 50008, Internal, "远程地址不存在", "remote addr 404";
    RemoteUnknownError = 50009, Internal, "远程请求未知错误", "remote addr error";
    AccountLimited = 50010, TooMany, "请求超过频率限制", "limit error";
    AppkeyInvalid = 50012, Unauthorized, "headers: m7-appkey错误", "headers appkey error";
    TimestampMissing = 50013, Unauthorized, "headers: m7-timestamp错误", "headers timestamp error";
    TimestampStale = 50014, Unauthorized, "该请求已过时", "headers timestamp overtime";
    SignInvalid = 50015, Unauthorized, "headers: m7-sign错误", "headers sign error";
    NonceInvalid = 50016, Unauthorized, "headers: m7-nonce错误", "headers nonce error";
    NoSecret = 50018, Unauthorized, "sk配置未找到", "sk not found";
    TimestampInvalid = 50019, Unauthorized, "请输入10位秒级时间戳", "timestamp timeout";
    RouteLimited = 50020, TooMany, "频率超限", "account route limited";
    ParameterInvalid = 40000, BadRequest, "参数异常", "param error";
}

impl Code {
    /// The HTTP status that says the same.
    pub fn semantic_status(self) -> u16 {
        match self.blame() {
            Blame::NotFound => 404,
            Blame::Unauthorized => 401,
            Blame::TooMany => 429,
            Blame::BadRequest => 400,
            Blame::Internal => 500,
        }
    }
}

/// Which text a refusal carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// The document's Chinese.
    #[default]
    Chinese,
    /// The document's English.
    English,
}

impl Language {
    /// English when `Accept-Language` gives it more weight than Chinese, else Chinese (contract §2, RFC 9110 §12.5.4).
    pub fn preferred(accept_language: Option<&str>) -> Language {
        let (mut chinese, mut english) = (0, 0);
        for range in accept_language.unwrap_or_default().split(',') {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            let weight = weight_in_thousandths(parameters);
            match primary.as_str() {
                "zh" => chinese = chinese.max(weight),
                "en" => english = english.max(weight),
                _ => {}
            }
        }
        if english > chinese { Language::English } else { Language::Chinese }
    }
}

/// `q=0.7` is 700; absent is 1000; anything else is 0.
fn weight_in_thousandths(parameters: &str) -> u32 {
    let Some(value) = parameters.trim().strip_prefix("q=") else {
        return if parameters.trim().is_empty() { 1000 } else { 0 };
    };
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let fraction = format!("{fraction:0<3}");
    match (whole, fraction.get(..3).map(str::parse::<u32>)) {
        ("1", _) => 1000,
        ("0", Some(Ok(thousandths))) => thousandths,
        _ => 0,
    }
}

/// A refusal: its code and, when the code alone does not say it, what exactly is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The code.
    pub code: Code,
    /// Which field, and what is wrong with it.
    pub field: Option<(Cow<'static, str>, Wrong)>,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It must be given.
    Missing,
    /// It must be a string or a number.
    NotAScalar,
    /// It must be a list of strings.
    NotAList,
    /// It must be one of these.
    NotOneOf(&'static [&'static str]),
    /// It has more characters.
    LongerThan(usize),
    /// It has more bytes.
    MoreBytesThan(usize),
    /// It did not arrive in this time.
    SlowerThan(Duration),
    /// It has more items.
    MoreItemsThan(usize),
    /// It must be a number in this range.
    OutOf(u32, u32),
    /// It must consist of digits, perhaps after a `+`.
    NotANumber,
    /// It must consist of keys of a telephone.
    NotDigits,
    /// It is not one JSON object.
    NotAnObject,
    /// It is nested deeper.
    DeeperThan(usize),
    /// It is before the field named here.
    Before(&'static str),
    /// It is more days after the field named here.
    DaysAfter(&'static str, u32),
    /// It is not among the account's numbers.
    NotOwned,
    /// There is no such thing, or nothing in it.
    UnknownOrEmpty,
    /// The account has no number to show.
    NothingToShow,
    /// It was used for another body.
    UsedForAnotherBody,
    /// The agent lacks the role.
    NotASupervisor,
    /// It is the agent itself.
    Oneself,
    /// There is no IVR of this id.
    NoSuchIvr,
    /// There is no queue of this id.
    NoSuchQueue,
    /// It must consist of printable ASCII characters.
    NotPrintable,
    /// It is a limit of the configuration, and nothing is left of it.
    Reached(Limit),
}

impl Fault {
    /// 40000 with the field named.
    pub fn field(name: impl Into<Cow<'static, str>>, wrong: Wrong) -> Fault {
        Fault { code: Code::ParameterInvalid, field: Some((name.into(), wrong)) }
    }

    /// `message`: the document's text, and which field is wrong how.
    pub fn message(&self, language: Language) -> String {
        let text = self.code.text(language);
        match (&self.field, language) {
            (None, _) => text.to_owned(),
            (Some((name, wrong)), Language::Chinese) => format!("{text}: {name} {}", wrong.chinese()),
            (Some((name, wrong)), Language::English) => format!("{text}: {name} {}", wrong.english()),
        }
    }
}

impl From<Code> for Fault {
    fn from(code: Code) -> Fault {
        Fault { code, field: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code.number(), self.message(Language::English))
    }
}

impl Wrong {
    fn chinese(&self) -> String {
        match self {
            Wrong::Missing => "必填".to_owned(),
            Wrong::NotAScalar => "必须是字符串或数字".to_owned(),
            Wrong::NotAList => "必须是字符串数组".to_owned(),
            Wrong::NotOneOf(values) => format!("必须是 {} 之一", values.join(", ")),
            Wrong::LongerThan(max) => format!("最多 {max} 个字符"),
            Wrong::MoreBytesThan(max) => format!("最多 {max} 字节"),
            Wrong::SlowerThan(max) => format!("必须在 {} 秒内到达", max.as_secs()),
            Wrong::MoreItemsThan(max) => format!("最多 {max} 项"),
            Wrong::OutOf(min, max) => format!("必须是 {min} 到 {max} 之间的数字"),
            Wrong::NotANumber => "只能由数字组成,可以以 + 开头".to_owned(),
            Wrong::NotDigits => "只能由 0-9 * # A-D 组成".to_owned(),
            Wrong::NotAnObject => "必须是 JSON 对象".to_owned(),
            Wrong::DeeperThan(max) => format!("最多嵌套 {max} 层"),
            Wrong::Before(other) => format!("不能早于 {other}"),
            Wrong::DaysAfter(other, days) => format!("距 {other} 最多 {days} 天"),
            Wrong::NotOwned => "不是该账户的号码".to_owned(),
            Wrong::UnknownOrEmpty => "不存在或没有号码".to_owned(),
            Wrong::NothingToShow => "未指定,且账户没有可用的外显号码".to_owned(),
            Wrong::UsedForAnotherBody => "已用于另一个请求体".to_owned(),
            Wrong::NotASupervisor => "不是班长座席".to_owned(),
            Wrong::Oneself => "不能是自己".to_owned(),
            Wrong::NoSuchIvr => "IVR 不存在".to_owned(),
            Wrong::NoSuchQueue => "技能组不存在".to_owned(),
            Wrong::NotPrintable => "只能由可打印的 ASCII 字符组成".to_owned(),
            Wrong::Reached(limit) => match limit {
                Limit::Calls(max) => format!("账户同时通话数已达上限 {max}"),
                Limit::CallsPerSecond(max) => format!("账户每秒呼叫数已达上限 {max}"),
                Limit::CallsOfNumber(max) => format!("外显号码同时通话数已达上限 {max}"),
                Limit::Channels(max) => format!("账户中继的并发通道已用完 共 {max}"),
                Limit::Legs(max) => format!("服务器外呼容量已用完 共 {max} 路"),
                Limit::Parties(max) => format!("一个通话最多 {max} 方"),
            },
        }
    }

    fn english(&self) -> String {
        match self {
            Wrong::Missing => "is required".to_owned(),
            Wrong::NotAScalar => "must be a string or a number".to_owned(),
            Wrong::NotAList => "must be a list of strings".to_owned(),
            Wrong::NotOneOf(values) => format!("must be one of {}", values.join(", ")),
            Wrong::LongerThan(max) => format!("has more than {max} characters"),
            Wrong::MoreBytesThan(max) => format!("has more than {max} bytes"),
            Wrong::SlowerThan(max) => format!("did not arrive within {} s", max.as_secs()),
            Wrong::MoreItemsThan(max) => format!("has more than {max} items"),
            Wrong::OutOf(min, max) => format!("must be a number from {min} to {max}"),
            Wrong::NotANumber => "must be digits, perhaps after a +".to_owned(),
            Wrong::NotDigits => "must be keys of a telephone: 0-9 * # A-D".to_owned(),
            Wrong::NotAnObject => "must be a JSON object".to_owned(),
            Wrong::DeeperThan(max) => format!("is nested deeper than {max}"),
            Wrong::Before(other) => format!("is before {other}"),
            Wrong::DaysAfter(other, days) => format!("is more than {days} days after {other}"),
            Wrong::NotOwned => "is not a number of the account".to_owned(),
            Wrong::UnknownOrEmpty => "is unknown or has no numbers".to_owned(),
            Wrong::NothingToShow => "is not given and the account has no number to show".to_owned(),
            Wrong::UsedForAnotherBody => "was used for another body".to_owned(),
            Wrong::NotASupervisor => "is no supervisor".to_owned(),
            Wrong::Oneself => "must be another agent".to_owned(),
            Wrong::NoSuchIvr => "no such IVR".to_owned(),
            Wrong::NoSuchQueue => "no such queue".to_owned(),
            Wrong::NotPrintable => "must be printable ASCII characters".to_owned(),
            Wrong::Reached(limit) => match limit {
                Limit::Calls(max) => format!("is reached: the account has {max} calls at once"),
                Limit::CallsPerSecond(max) => {
                    format!("is reached: the account began {max} calls within a second")
                }
                Limit::CallsOfNumber(max) => format!("is reached: {max} calls show the number at once"),
                Limit::Channels(max) => {
                    format!("is reached: the account's trunks have {max} channels in all")
                }
                Limit::Legs(max) => format!("is reached: the server has {max} legs for outgoing calls"),
                Limit::Parties(max) => format!("is reached: a call has {max} parties"),
            },
        }
    }
}

/// The key of the configuration that sets a limit; that of parties is fixed.
pub fn limit_key(limit: Limit) -> &'static str {
    match limit {
        Limit::Calls(_) => "calls_max",
        Limit::CallsPerSecond(_) => "calls_per_s_max",
        Limit::CallsOfNumber(_) => "concurrency",
        Limit::Channels(_) => "channels_max",
        Limit::Legs(_) => "legs_max",
        Limit::Parties(_) => "parties_max",
    }
}

impl Fault {
    /// What the core's refusal of `verb` is called. The field that is wrong has another name in each verb.
    pub fn of(refusal: Refusal, verb: Verb) -> Fault {
        let code = match refusal {
            Refusal::AgentUnknown => Code::AgentUnknown,
            Refusal::AgentDeleted => Code::AgentDeleted,
            Refusal::AgentDisabled => Code::AgentDisabled,
            Refusal::AgentLocked => Code::AgentLocked,
            Refusal::AgentOffline => Code::AgentOffline,
            Refusal::NoLicence => Code::NoLicence,
            Refusal::EditionWithoutCalls => Code::EditionWithoutCalls,
            Refusal::NoPhone => Code::NoPhone,
            Refusal::InCall => Code::InCall,
            Refusal::InCallNoChange => Code::InCallNoChange,
            Refusal::NotInCall => Code::NotInCall,
            Refusal::NothingToHangUp => Code::NothingToHangUp,
            Refusal::PhoneNotRegistered => Code::PhoneNotRegistered,
            Refusal::NoBalance => Code::NoBalance,
            Refusal::RiskForbidden => Code::RiskForbidden,
            Refusal::RiskUnavailable => Code::RiskUnavailable,
            Refusal::AccountRemoved => Code::AccountUnknown,
            Refusal::AccountDisabled => Code::AccountDisabled,
            Refusal::LogUnavailable | Refusal::Overloaded => Code::PresenceUnavailable,
            Refusal::Full(limit) => {
                let field = Some((limit_key(limit).into(), Wrong::Reached(limit)));
                return Fault { code: Code::PresenceUnavailable, field };
            }
            Refusal::NotSupervisor => return Fault::field("listenAgent", Wrong::NotASupervisor),
            Refusal::ToOneself => return Fault::field(verb.party_field(), Wrong::Oneself),
            Refusal::IvrUnknown => return Fault::field(verb.party_field(), Wrong::NoSuchIvr),
            Refusal::QueueUnknown => return Fault::field(verb.party_field(), Wrong::NoSuchQueue),
            Refusal::CallerDisplayNotOwned => return Fault::field("callerDisplayNumber", Wrong::NotOwned),
            Refusal::CalleeDisplayNotOwned => return Fault::field("calleeDisplayNumber", Wrong::NotOwned),
            Refusal::CustomerShownNotOwned => return Fault::field("calleeCallerNumber", Wrong::NotOwned),
            Refusal::AgentShownNotOwned => return Fault::field("agentCallerNumber", Wrong::NotOwned),
            Refusal::GroupUnknown => return Fault::field("group", Wrong::UnknownOrEmpty),
            Refusal::NoShownNumber => return Fault::field(verb.shown_field(), Wrong::NothingToShow),
        };
        Fault::from(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_chinese_unless_english_weighs_more() {
        for (header, wanted) in [
            (None, Language::Chinese),
            (Some("en"), Language::English),
            (Some("en-GB,en;q=0.9"), Language::English),
            (Some("zh-CN,zh;q=0.9,en;q=0.8"), Language::Chinese),
            (Some("zh;q=0.5, EN;q=0.75"), Language::English),
            (Some("en;q=0"), Language::Chinese),
            (Some("en;q=nonsense"), Language::Chinese),
            (Some("fr, *"), Language::Chinese),
            (Some("en, zh"), Language::Chinese),
        ] {
            assert_eq!(Language::preferred(header), wanted, "{header:?}");
        }
    }

    #[test]
    fn a_field_fault_names_the_field_and_its_limit_in_both_languages() {
        let fault = Fault::field("actionId", Wrong::LongerThan(40));
        assert_eq!(fault.message(Language::Chinese), "参数异常: actionId 最多 40 个字符");
        assert_eq!(fault.message(Language::English), "param error: actionId has more than 40 characters");
    }

    #[test]
    fn only_two_codes_share_a_number() {
        let mut numbers: Vec<u16> = Code::ALL.iter().map(|code| code.number()).collect();
        numbers.sort_unstable();
        let twice: Vec<u16> =
            numbers.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        assert_eq!(twice, [6734]);
    }
}
