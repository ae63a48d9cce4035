"""AES and DES through OpenSSL's libcrypto: CBC, CTR, CMAC, CCM and a constant-time comparison.

The contexts are made once and kept; the functions are called with the interpreter's lock held.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t
from libc.string cimport memcmp, memcpy

cdef EVP_CIPHER* AES_CBC = EVP_CIPHER_fetch(NULL, b"AES-128-CBC", NULL)
cdef EVP_CIPHER* AES_CTR = EVP_CIPHER_fetch(NULL, b"AES-128-CTR", NULL)
cdef EVP_CIPHER* AES_CCM = EVP_CIPHER_fetch(NULL, b"AES-128-CCM", NULL)
# Single DES lives in OpenSSL's legacy provider, which may be absent; three equal keys are the same.
cdef EVP_CIPHER* DES_CBC = EVP_CIPHER_fetch(NULL, b"DES-EDE3-CBC", NULL)
cdef EVP_MAC* CMAC = EVP_MAC_fetch(NULL, b"CMAC", NULL)
cdef EVP_CIPHER_CTX* cbc_context = EVP_CIPHER_CTX_new()
cdef EVP_CIPHER_CTX* ctr_context = EVP_CIPHER_CTX_new()
cdef EVP_CIPHER_CTX* ccm_context = EVP_CIPHER_CTX_new()
cdef EVP_CIPHER_CTX* des_context = EVP_CIPHER_CTX_new()
cdef EVP_MAC_CTX* cmac_context = NULL
cdef uint8_t cbc_key[16]
cdef bint cbc_ready = False
cdef OSSL_PARAM cmac_params[2]
cdef char cmac_cipher[12]

cdef enum:
    CTRL_AEAD_SET_IVLEN = 0x09
    CTRL_AEAD_SET_TAG = 0x11


cdef void start() except *:
    global cmac_context
    if not (AES_CBC and AES_CTR and AES_CCM and CMAC and cbc_context and ctr_context and ccm_context):
        raise ImportError("libcrypto: AES-128 (CBC, CTR, CCM) or CMAC is not available")
    if EVP_DecryptInit_ex2(cbc_context, AES_CBC, NULL, NULL, NULL) != 1:
        raise ImportError("libcrypto: AES-128-CBC cannot be set up")
    memcpy(cmac_cipher, b"AES-128-CBC\0", 12)
    cmac_context = EVP_MAC_CTX_new(CMAC)
    cmac_params[0] = OSSL_PARAM_construct_utf8_string(b"cipher", cmac_cipher, 0)
    cmac_params[1] = OSSL_PARAM_construct_end()


start()


cdef bint run(
    EVP_CIPHER_CTX* context,
    EVP_CIPHER* cipher,
    const uint8_t* key,
    const uint8_t* iv,
    const uint8_t* data,
    int size,
    uint8_t* out,
) noexcept nogil:
    cdef int written = 0
    if EVP_DecryptInit_ex2(context, cipher, key, iv, NULL) != 1:
        return False
    EVP_CIPHER_CTX_set_padding(context, 0)
    return EVP_DecryptUpdate(context, out, &written, data, size) == 1 and written == size


cdef bint cbc_decrypt(
    const uint8_t* key, const uint8_t* iv, const uint8_t* data, int size, uint8_t* out
) noexcept nogil:
    """AES-128-CBC over whole blocks; ``out`` may be ``data``. A key used again is not expanded again.

    Telegrams are short, so what the library does around the blocks counts: EVP_Cipher has no padding
    to be switched off each time, and the context keeps its cipher.
    """
    cdef bint again = cbc_ready and memcmp(key, cbc_key, 16) == 0
    global cbc_ready
    cbc_ready = False
    if EVP_DecryptInit_ex2(cbc_context, NULL, <const uint8_t*>NULL if again else key, iv, NULL) != 1:
        return False
    memcpy(cbc_key, key, 16)
    cbc_ready = True
    return EVP_Cipher(cbc_context, out, data, size) > 0


cdef bint ctr_crypt(
    const uint8_t* key, const uint8_t* counter, const uint8_t* data, int size, uint8_t* out
) noexcept nogil:
    """AES-128-CTR from a 16-byte counter block, counted up in its last bytes."""
    return run(ctr_context, AES_CTR, key, counter, data, size, out)


cdef bint des_cbc_decrypt(
    const uint8_t* key, const uint8_t* iv, const uint8_t* data, int size, uint8_t* out
) noexcept nogil:
    """DES-CBC with an 8-byte key."""
    cdef uint8_t tripled[24]
    if DES_CBC == NULL:
        return False
    memcpy(tripled, key, 8)
    memcpy(tripled + 8, key, 8)
    memcpy(tripled + 16, key, 8)
    return run(des_context, DES_CBC, tripled, iv, data, size, out)


cdef bint cmac(
    const uint8_t* key, const uint8_t* head, int head_size, const uint8_t* data, int size, uint8_t* out
) noexcept nogil:
    """AES-128-CMAC (RFC 4493) over two pieces; ``out`` takes 16 bytes."""
    cdef size_t written = 0
    if EVP_MAC_init(cmac_context, key, 16, cmac_params) != 1:
        return False
    if head_size and EVP_MAC_update(cmac_context, head, head_size) != 1:
        return False
    if size and EVP_MAC_update(cmac_context, data, size) != 1:
        return False
    return EVP_MAC_final(cmac_context, out, &written, 16) == 1 and written == 16


cdef bint ccm_decrypt(
    const uint8_t* key,
    const uint8_t* nonce,
    const uint8_t* aad,
    int aad_size,
    const uint8_t* data,
    int size,
    const uint8_t* tag,
    int tag_size,
    uint8_t* out,
) noexcept nogil:
    """AES-128-CCM with a 13-byte nonce; True where the tag holds, and only then is ``out`` filled."""
    cdef int written = 0
    cdef EVP_CIPHER_CTX* context = ccm_context
    if EVP_DecryptInit_ex2(context, AES_CCM, NULL, NULL, NULL) != 1:
        return False
    if EVP_CIPHER_CTX_ctrl(context, CTRL_AEAD_SET_IVLEN, 13, NULL) != 1:
        return False
    if EVP_CIPHER_CTX_ctrl(context, CTRL_AEAD_SET_TAG, tag_size, <void*>tag) != 1:
        return False
    if EVP_DecryptInit_ex2(context, NULL, key, nonce, NULL) != 1:
        return False
    if EVP_DecryptUpdate(context, NULL, &written, NULL, size) != 1:
        return False
    if EVP_DecryptUpdate(context, NULL, &written, aad, aad_size) != 1:
        return False
    return EVP_DecryptUpdate(context, out, &written, data, size) == 1 and written == size


cdef bint same(const uint8_t* a, const uint8_t* b, int size) noexcept nogil:
    """Whether two byte strings agree, in a time that does not depend on where they differ."""
    return CRYPTO_memcmp(a, b, size) == 0
