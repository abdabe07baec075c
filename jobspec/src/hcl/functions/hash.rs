//! Functions of hashes, ids and secrets.

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;
use sha2::Digest as _;
use uuid::Uuid;

use super::{Arguments, Arity, Fault, Function, Outside};
use crate::hcl::value::Val;

/// bcrypt's own default cost.
const BCRYPT_COST_DEFAULT: u32 = 10;
const BCRYPT_COST_MIN: u32 = 4;
/// Each step doubles the time; at 12 it is about a quarter of a second. bcrypt itself knows costs up to 31: days.
const BCRYPT_COST_MAX: u32 = 12;

/// bcrypt ignores what is beyond; with the zero byte that ends a password.
const BCRYPT_PASSWORD_MAX: usize = 72;

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "bcrypt", arity: Arity::Between(1, 2), run: bcrypt },
    Function { name: "md5", arity: Arity::Exactly(1), run: md5 },
    Function { name: "rsadecrypt", arity: Arity::Exactly(2), run: rsadecrypt },
    Function { name: "sha1", arity: Arity::Exactly(1), run: sha1 },
    Function { name: "sha256", arity: Arity::Exactly(1), run: sha256 },
    Function { name: "sha512", arity: Arity::Exactly(1), run: sha512 },
    Function { name: "uuidv4", arity: Arity::Exactly(0), run: uuidv4 },
    Function { name: "uuidv5", arity: Arity::Exactly(2), run: uuidv5 },
];

fn hex(bytes: &[u8]) -> Val {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

fn md5(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    Ok(hex(&md5::Md5::digest(arguments.text(0)?)))
}

fn sha1(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    Ok(hex(&sha1::Sha1::digest(arguments.text(0)?)))
}

fn sha256(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    Ok(hex(&sha2::Sha256::digest(arguments.text(0)?)))
}

fn sha512(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    Ok(hex(&sha2::Sha512::digest(arguments.text(0)?)))
}

fn random_bytes(outside: &Outside<'_>) -> Result<[u8; 16], Fault> {
    let Some(fill) = outside.random else {
        return Err(Fault::call(
            "needs random numbers, which there are none of here; write the value itself or pass it as a variable",
        ));
    };
    let mut bytes = [0; 16];
    fill(&mut bytes);
    Ok(bytes)
}

fn bcrypt(arguments: &mut Arguments, outside: &Outside<'_>) -> Result<Val, Fault> {
    let password = arguments.text(0)?;
    let cost = if arguments.len() > 1 { arguments.integer(1)? } else { BCRYPT_COST_DEFAULT.into() };
    if password.len() > BCRYPT_PASSWORD_MAX {
        return Err(Fault::argument(0, format!("must have at most {BCRYPT_PASSWORD_MAX} bytes")));
    }
    let cost = match u32::try_from(cost) {
        // What is below the least cost means the default one, as Go's bcrypt has it.
        Err(_) | Ok(..BCRYPT_COST_MIN) if cost < BCRYPT_COST_MIN.into() => BCRYPT_COST_DEFAULT,
        Ok(cost) if cost <= BCRYPT_COST_MAX => cost,
        _ => {
            let message = format!("must be at most {BCRYPT_COST_MAX}: each step doubles the time it takes");
            return Err(Fault::argument(1, message));
        }
    };
    let salt = random_bytes(outside)?;
    let mut ended = password.into_bytes();
    ended.push(0);
    ended.truncate(BCRYPT_PASSWORD_MAX);
    let hashed = bcrypt::bcrypt(cost, salt, &ended);
    let encoding = GeneralPurpose::new(&base64::alphabet::BCRYPT, NO_PAD);
    // The last byte of the hash is not part of the notation.
    let (salt, hash) = (encoding.encode(salt), encoding.encode(&hashed[..23]));
    Ok(format!("$2a${cost:02}${salt}{hash}").into())
}

/// Slow on purpose: 50 calls at the default cost use up what a file may take.
pub(super) fn bcrypt_effort(arguments: &[Val]) -> usize {
    let cost = arguments.get(1).and_then(Val::to_number).and_then(|cost| cost.as_u64());
    let cost = cost.and_then(|cost| u32::try_from(cost).ok()).unwrap_or(BCRYPT_COST_DEFAULT);
    20 << cost.min(BCRYPT_COST_MAX)
}

fn rsadecrypt(_: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    Err(Fault::call("is not offered: decrypt before, and pass the result as a variable"))
}

fn uuidv4(_: &mut Arguments, outside: &Outside<'_>) -> Result<Val, Fault> {
    let id = uuid::Builder::from_random_bytes(random_bytes(outside)?).into_uuid();
    Ok(id.to_string().into())
}

/// Makes the id of a name in a namespace: `dns`, `url`, `oid`, `x500`, or an id.
fn uuidv5(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let namespace = arguments.text(0)?;
    let name = arguments.text(1)?;
    let namespace = match namespace.as_str() {
        "dns" => Uuid::NAMESPACE_DNS,
        "url" => Uuid::NAMESPACE_URL,
        "oid" => Uuid::NAMESPACE_OID,
        "x500" => Uuid::NAMESPACE_X500,
        other => Uuid::parse_str(other).map_err(|_| {
            Fault::argument(
                0,
                format!("must be \"dns\", \"url\", \"oid\", \"x500\" or a UUID, not {other:?}"),
            )
        })?,
    };
    // RFC 9562, 5.5: the first 16 bytes of the hash, with version and variant set.
    let hash = sha1::Sha1::new().chain_update(namespace.as_bytes()).chain_update(name.as_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Ok(uuid::Builder::from_sha1_bytes(bytes).into_uuid().to_string().into())
}
