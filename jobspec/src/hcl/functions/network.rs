//! Functions of IP networks in CIDR notation, IPv4 and IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Arguments, Arity, Fault, Function, Outside};
use crate::hcl::value::{Val, integer};

/// By how many bits one call may extend a prefix: HCL's own limit.
const NEW_BITS_MAX: u32 = 32;

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "cidrhost", arity: Arity::Exactly(2), run: cidrhost },
    Function { name: "cidrnetmask", arity: Arity::Exactly(1), run: cidrnetmask },
    Function { name: "cidrsubnet", arity: Arity::Exactly(3), run: cidrsubnet },
    Function { name: "cidrsubnets", arity: Arity::AtLeast(1), run: cidrsubnets },
];

/// A network: the bits of its first address, at the low end.
struct Network {
    first: u128,
    prefix: u32,
    /// 32 or 128.
    bits: u32,
}

impl Network {
    /// Reads `10.0.0.0/8`; bits beyond the prefix are dropped.
    fn parse(text: &str) -> Result<Self, Fault> {
        let invalid = || Fault::argument(0, format!("{text:?} is no network such as \"10.0.0.0/8\""));
        let (address, prefix) = text.split_once('/').ok_or_else(invalid)?;
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let (bits, first) = match address {
            IpAddr::V4(address) => (32, u128::from(u32::from(address))),
            IpAddr::V6(address) => (128, u128::from(address)),
        };
        if !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= bits).ok_or_else(invalid)?;
        let mut network = Self { first, prefix, bits };
        network.first &= network.mask();
        Ok(network)
    }

    /// Returns the mask: ones for the prefix.
    fn mask(&self) -> u128 {
        let all = u128::MAX >> (128 - self.bits);
        all & !low_ones(self.bits - self.prefix)
    }

    fn address(&self, number: u128) -> String {
        if self.bits == 32 {
            Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).to_string()
        } else {
            Ipv6Addr::from(number).to_string()
        }
    }

    fn subnet(&self, first: u128, prefix: u32) -> Val {
        format!("{}/{prefix}", self.address(first)).into()
    }

    fn protocol(&self) -> &'static str {
        if self.bits == 32 { "IPv4" } else { "IPv6" }
    }

    /// Returns the prefix longer by what an argument says.
    fn extended(&self, arguments: &mut Arguments, index: usize, least: i64) -> Result<u32, Fault> {
        let new_bits = arguments.integer(index)?;
        if new_bits < least {
            return Err(Fault::argument(
                index,
                format!("must be at least {least}: bits to add to the prefix"),
            ));
        }
        let new_bits = u32::try_from(new_bits).ok().filter(|bits| *bits <= NEW_BITS_MAX);
        let new_bits = new_bits.ok_or_else(|| {
            Fault::argument(index, format!("must be at most {NEW_BITS_MAX}: bits to add to the prefix"))
        })?;
        let prefix = self.prefix + new_bits;
        if prefix > self.bits {
            let protocol = self.protocol();
            return Err(Fault::argument(
                index,
                format!("would make a prefix of {prefix} bits, too long for an {protocol} address"),
            ));
        }
        Ok(prefix)
    }
}

fn low_ones(count: u32) -> u128 {
    1_u128.checked_shl(count).map_or(u128::MAX, |power| power - 1)
}

/// Returns an address by its number in the network; negative ones count from the end.
fn cidrhost(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let network = Network::parse(&arguments.text(0)?)?;
    let number =
        integer(&arguments.number(1)?).ok_or_else(|| Fault::argument(1, "must be a whole number"))?;
    let last = low_ones(network.bits - network.prefix);
    let offset = if number >= 0 { number.unsigned_abs() } else { number.unsigned_abs() - 1 };
    if offset > last {
        let prefix = network.prefix;
        return Err(Fault::argument(
            1,
            format!("a network with a prefix of {prefix} has no host number {number}"),
        ));
    }
    let host = if number >= 0 { offset } else { last - offset };
    Ok(network.address(network.first | host).into())
}

fn cidrnetmask(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let network = Network::parse(&arguments.text(0)?)?;
    Ok(network.address(network.mask()).into())
}

fn cidrsubnet(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let network = Network::parse(&arguments.text(0)?)?;
    let prefix = network.extended(arguments, 1, 0)?;
    let number = u128::try_from(arguments.count(2)?).unwrap_or(u128::MAX);
    let new_bits = prefix - network.prefix;
    if number > low_ones(new_bits) {
        return Err(Fault::argument(2, format!("{new_bits} more bits have no network number {number}")));
    }
    let shifted = number.checked_shl(network.bits - prefix).unwrap_or(0);
    Ok(network.subnet(network.first | shifted, prefix))
}

/// Returns networks one after the other, each by how many bits longer its prefix is.
fn cidrsubnets(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let network = Network::parse(&arguments.text(0)?)?;
    let last = network.first | low_ones(network.bits - network.prefix);
    // The first address that is free; None once the end of all addresses is reached.
    let mut free = Some(network.first);
    let mut subnets = Vec::new();
    for index in 1..arguments.len() {
        let prefix = network.extended(arguments, index, 1)?;
        let size = low_ones(network.bits - prefix);
        // A network begins at a multiple of its size.
        let aligned = free.and_then(|free| free.checked_add(size)).map(|past| past & !size);
        let first = aligned.filter(|first| (first | size) <= last).ok_or_else(|| {
            Fault::argument(index, format!("not enough addresses are left for a prefix of {prefix} bits"))
        })?;
        subnets.push(network.subnet(first, prefix));
        free = (first | size).checked_add(1);
    }
    Ok(Val::List(subnets))
}
