//! Finding call records (contract §6): every documented filter has an index, and an answer of any size passes through in
//! chunks.

use base::LogNo;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::limits::RECORDS_CHUNK;
use super::log::{self, to_json};
use super::{Reader, StoreError};
use crate::http::ports::RecordQuery;

/// A page of records, newest first.
pub struct Page {
    /// All matches, not only this page.
    pub count: u64,
    /// Each record's JSON.
    pub list: BoxStream<'static, Result<String, StoreError>>,
}

/// The condition of a query, as SQL and its values in order.
struct Condition {
    sql: String,
    values: Vec<Value>,
}

/// Where the next chunk begins.
struct Cursor {
    /// The last record that was given out: (started_s, id).
    after: Option<(i64, i64)>,
    /// Records to skip before the first chunk.
    skip: u64,
    /// Records still wanted.
    left: usize,
}

/// One chunk of JSON, and the place after it; `None` when the page is complete.
type Chunk = (Vec<String>, Option<Cursor>);

impl Reader {
    /// The page of records that `query` asks for. Records that come while it is read are not in it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn records(&self, query: RecordQuery) -> Result<Page, StoreError> {
        let left = usize::try_from(query.page_size).unwrap_or(usize::MAX);
        let skip = u64::from(query.page.saturating_sub(1)) * u64::from(query.page_size);
        let (count, condition, (first, next)) = self
            .read(move |conn| {
                let condition = Condition::of(&query, log::last(conn)?)?;
                let count = condition.count(conn)?;
                let first = condition.chunk(conn, Cursor { after: None, skip, left })?;
                Ok((count, condition, first))
            })
            .await?;
        let rest =
            stream::try_unfold((self.clone(), condition, next), |(reader, condition, next)| async move {
                let Some(cursor) = next else { return Ok(None) };
                let (condition, (rows, next)) = reader
                    .read(move |conn| {
                        let chunk = condition.chunk(conn, cursor)?;
                        Ok((condition, chunk))
                    })
                    .await?;
                Ok(Some((rows, (reader, condition, next))))
            });
        let list = stream::once(async { Ok::<_, StoreError>(first) })
            .chain(rest)
            .map_ok(|rows| stream::iter(rows.into_iter().map(Ok)))
            .try_flatten()
            .boxed();
        Ok(Page { count, list })
    }
}

impl Condition {
    /// `through`: the last log entry of the moment the query is about.
    fn of(query: &RecordQuery, through: LogNo) -> rusqlite::Result<Condition> {
        let mut it = Condition { sql: "account = ?".to_owned(), values: vec![integer(query.account.0)] };
        // The + keeps these two from being chosen as the index: they select little.
        it.and("+no <= ?", [integer(through.0)]);
        if let Some((from, to)) = query.window {
            it.and("started_s BETWEEN ? AND ?", [from.as_secs().into(), to.as_secs().into()]);
        }
        if let Some(call) = query.call {
            it.and("call = ?", [integer(call.0)]);
        }
        let texts = [
            ("agent = ?", &query.agent),
            ("display = ?", &query.display),
            ("trunk = ?", &query.trunk),
            ("queue = ?", &query.queue),
        ];
        for (sql, text) in texts {
            if let Some(text) = text {
                it.and(sql, [Value::Text(text.clone())]);
            }
        }
        if let Some(status) = query.status {
            it.and("status = ?", [Value::Text(to_json(&status)?)]);
        }
        match query.kinds.as_deref() {
            None => {}
            Some([kind]) => it.and("kind = ?", [Value::Text(to_json(kind)?)]),
            Some(kinds) => {
                let marks = vec!["?"; kinds.len()].join(", ");
                let kinds = kinds.iter().map(|kind| Ok(Value::Text(to_json(kind)?)));
                it.and(&format!("+kind IN ({marks})"), kinds.collect::<rusqlite::Result<Vec<_>>>()?);
            }
        }
        Ok(it)
    }

    fn and(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
        self.values.extend(values);
    }

    fn count(&self, conn: &Connection) -> rusqlite::Result<u64> {
        let sql = format!("SELECT count(*) FROM record WHERE {}", self.sql);
        conn.prepare_cached(&sql)?.query_row(params_from_iter(&self.values), |row| row.get(0))
    }

    fn chunk(&self, conn: &Connection, cursor: Cursor) -> rusqlite::Result<Chunk> {
        let wanted = cursor.left.min(RECORDS_CHUNK);
        let mut values = self.values.clone();
        let after = match cursor.after {
            Some((started_s, id)) => {
                values.extend([started_s.into(), id.into()]);
                " AND (started_s, id) < (?, ?)"
            }
            None => "",
        };
        values.extend([integer(u64::try_from(wanted).unwrap_or(u64::MAX)), integer(cursor.skip)]);
        let sql = format!(
            "SELECT started_s, id, body FROM record WHERE {}{after} ORDER BY started_s DESC, id DESC LIMIT ? OFFSET ?",
            self.sql
        );
        let rows: Vec<(i64, i64, String)> = conn
            .prepare_cached(&sql)?
            .query_map(params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let left = cursor.left - rows.len();
        let next = match rows.last() {
            Some((started_s, id, _)) if rows.len() == wanted && left > 0 => {
                Some(Cursor { after: Some((*started_s, *id)), skip: 0, left })
            }
            Some(_) | None => None,
        };
        Ok((rows.into_iter().map(|(_, _, body)| body).collect(), next))
    }
}

fn integer(value: u64) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}
