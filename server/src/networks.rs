//! Sets of addresses, as a setting names them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;

/// A set of addresses: `10.0.0.0/8, 192.0.2.7, fd00::/8`; nothing is the empty set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Arc<[IpNet]>);

impl Networks {
    /// Whether the address is one of these. An IPv4 address in IPv6 is taken as the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A word that is neither an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotANetwork(String);

impl fmt::Display for NotANetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is neither an address such as 192.0.2.7 nor a network such as 10.0.0.0/8", self.0)
    }
}

impl FromStr for Networks {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let network = |word: &str| {
            let network = word.parse::<IpNet>().or_else(|_| word.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| NotANetwork(word.to_owned()))
        };
        words.map(network).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_and_networks() {
        let networks: Networks = "10.0.0.0/8, 192.0.2.7 ,fd00::/8,".parse().unwrap();
        let has = |address: &str| networks.contains(address.parse().unwrap());
        assert!(has("10.1.2.3") && has("192.0.2.7") && has("fd12::1") && has("::ffff:10.1.2.3"));
        assert!(!has("11.1.2.3") && !has("192.0.2.8") && !has("2001:db8::1"));
        assert_eq!("".parse(), Ok(Networks::default()));
        let error = "10.0.0.0/8, proxy.example".parse::<Networks>().unwrap_err();
        assert!(error.to_string().starts_with("`proxy.example` is neither"), "{error}");
        assert!("10.0.0.0/33".parse::<Networks>().is_err());
    }
}
