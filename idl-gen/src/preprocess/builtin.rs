// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known without any file.

/// Macros that are always defined.
///
/// The service IDL that omniORB installs chooses by `__OMNIIDL__` between escaped names and what other vendors' compilers
/// of its time could read; we can read the former.
pub(super) const MACROS: [(&str, &str); 3] = [
    ("__UPCALL_IDL__", "1"),
    ("__IDL__", "1"),
    ("__OMNIIDL__", "0x2630"),
];

/// Included files that are supplied when no include directory has them.
///
/// CORBA 3.3 part 1 §8.4.2 has `orb.idl` hold the module `CORBA`; `CORBA::TypeCode` is known without it.
pub(super) const FILES: [(&str, &str); 2] = [("orb.idl", ORB), ("omg.org/orb.idl", ORB)];

const ORB: &str = r#"// orb.idl
#ifndef _ORB_IDL_
#define _ORB_IDL_
#pragma prefix "omg.org"
module CORBA {
  typedef string Identifier;
  typedef string RepositoryId;
  typedef string VersionSpec;
  typedef sequence<any> AnySeq;
  typedef sequence<boolean> BooleanSeq;
  typedef sequence<char> CharSeq;
  typedef sequence<wchar> WCharSeq;
  typedef sequence<octet> OctetSeq;
  typedef sequence<short> ShortSeq;
  typedef sequence<unsigned short> UShortSeq;
  typedef sequence<long> LongSeq;
  typedef sequence<unsigned long> ULongSeq;
  typedef sequence<long long> LongLongSeq;
  typedef sequence<unsigned long long> ULongLongSeq;
  typedef sequence<float> FloatSeq;
  typedef sequence<double> DoubleSeq;
  typedef sequence<long double> LongDoubleSeq;
  typedef sequence<string> StringSeq;
  typedef sequence<wstring> WStringSeq;
  valuetype StringValue string;
  valuetype WStringValue wstring;
};
#endif
"#;
