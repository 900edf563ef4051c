internal import COpenSSL

/// The 16 bytes of the MD5 of a text; nil where OpenSSL is set up to refuse it. For names that others have chosen to make
/// of it: it protects nothing.
package func md5(_ text: String) -> [UInt8]? {
    let bytes = Array(text.utf8)
    var digest = [UInt8](repeating: 0, count: 16)
    return EVP_Digest(bytes, bytes.count, &digest, nil, EVP_md5(), nil) == 1 ? digest : nil
}
