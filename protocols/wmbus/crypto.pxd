# The part of OpenSSL's libcrypto that telegrams need. No development package is needed to build: the
# prototypes are the documented ones of OpenSSL 3 and the library is linked by its run-time name.

from libc.stdint cimport uint8_t

cdef extern from *:
    """
    #include <stddef.h>
    typedef struct evp_cipher_st EVP_CIPHER;
    typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;
    typedef struct evp_mac_st EVP_MAC;
    typedef struct evp_mac_ctx_st EVP_MAC_CTX;
    typedef struct ossl_param_st {
        const char *key;
        unsigned int data_type;
        void *data;
        size_t data_size;
        size_t return_size;
    } OSSL_PARAM;
    extern EVP_CIPHER *EVP_CIPHER_fetch(void *ctx, const char *algorithm, const char *properties);
    extern EVP_CIPHER_CTX *EVP_CIPHER_CTX_new(void);
    extern int EVP_CIPHER_CTX_set_padding(EVP_CIPHER_CTX *ctx, int pad);
    extern int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *ctx, int type, int arg, void *ptr);
    extern int EVP_DecryptInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *type, const unsigned char *key,
                                   const unsigned char *iv, const OSSL_PARAM params[]);
    extern int EVP_DecryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl,
                                 const unsigned char *in, int inl);
    extern int EVP_Cipher(EVP_CIPHER_CTX *ctx, unsigned char *out, const unsigned char *in, unsigned int inl);
    extern EVP_MAC *EVP_MAC_fetch(void *libctx, const char *algorithm, const char *properties);
    extern EVP_MAC_CTX *EVP_MAC_CTX_new(EVP_MAC *mac);
    extern int EVP_MAC_init(EVP_MAC_CTX *ctx, const unsigned char *key, size_t keylen,
                            const OSSL_PARAM params[]);
    extern int EVP_MAC_update(EVP_MAC_CTX *ctx, const unsigned char *data, size_t datalen);
    extern int EVP_MAC_final(EVP_MAC_CTX *ctx, unsigned char *out, size_t *outl, size_t outsize);
    extern OSSL_PARAM OSSL_PARAM_construct_utf8_string(const char *key, char *buf, size_t bsize);
    extern OSSL_PARAM OSSL_PARAM_construct_end(void);
    extern int CRYPTO_memcmp(const void *a, const void *b, size_t len);
    """
    ctypedef struct EVP_CIPHER:
        pass
    ctypedef struct EVP_CIPHER_CTX:
        pass
    ctypedef struct EVP_MAC:
        pass
    ctypedef struct EVP_MAC_CTX:
        pass
    ctypedef struct OSSL_PARAM:
        pass
    EVP_CIPHER* EVP_CIPHER_fetch(void*, const char*, const char*) nogil
    EVP_CIPHER_CTX* EVP_CIPHER_CTX_new() nogil
    int EVP_CIPHER_CTX_set_padding(EVP_CIPHER_CTX*, int) nogil
    int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX*, int, int, void*) nogil
    int EVP_DecryptInit_ex2(
        EVP_CIPHER_CTX*, const EVP_CIPHER*, const unsigned char*, const unsigned char*, const OSSL_PARAM*
    ) nogil
    int EVP_DecryptUpdate(EVP_CIPHER_CTX*, unsigned char*, int*, const unsigned char*, int) nogil
    int EVP_Cipher(EVP_CIPHER_CTX*, unsigned char*, const unsigned char*, unsigned int) nogil
    EVP_MAC* EVP_MAC_fetch(void*, const char*, const char*) nogil
    EVP_MAC_CTX* EVP_MAC_CTX_new(EVP_MAC*) nogil
    int EVP_MAC_init(EVP_MAC_CTX*, const unsigned char*, size_t, const OSSL_PARAM*) nogil
    int EVP_MAC_update(EVP_MAC_CTX*, const unsigned char*, size_t) nogil
    int EVP_MAC_final(EVP_MAC_CTX*, unsigned char*, size_t*, size_t) nogil
    OSSL_PARAM OSSL_PARAM_construct_utf8_string(const char*, char*, size_t) nogil
    OSSL_PARAM OSSL_PARAM_construct_end() nogil
    int CRYPTO_memcmp(const void*, const void*, size_t) nogil

cdef bint cbc_decrypt(
    const uint8_t* key, const uint8_t* iv, const uint8_t* data, int size, uint8_t* out
) noexcept nogil
cdef bint ctr_crypt(
    const uint8_t* key, const uint8_t* counter, const uint8_t* data, int size, uint8_t* out
) noexcept nogil
cdef bint des_cbc_decrypt(
    const uint8_t* key, const uint8_t* iv, const uint8_t* data, int size, uint8_t* out
) noexcept nogil
cdef bint cmac(
    const uint8_t* key, const uint8_t* head, int head_size, const uint8_t* data, int size, uint8_t* out
) noexcept nogil
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
) noexcept nogil
cdef bint same(const uint8_t* a, const uint8_t* b, int size) noexcept nogil
