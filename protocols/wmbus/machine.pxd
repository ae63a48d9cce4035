from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t

from protocols.wmbus.structs cimport Tele

cdef enum:
    VARIABLES = 160
    NO_CODE = -1

cdef struct Machine:
    const uint8_t* block
    int32_t size
    int32_t at
    int32_t low             # first and last byte of the block that were read
    int32_t high
    const Tele* t
    int64_t variables[VARIABLES]
    bint known[VARIABLES]

cdef bint evaluate(Machine* m, int32_t code, int64_t* out) noexcept nogil
cdef bint holds(Machine* m, int32_t code) noexcept nogil
cdef void start(Machine* m, const Tele* t, const uint8_t* block, int32_t size) noexcept nogil
cdef void load_codes(object codes, object tables, object headers) except *
