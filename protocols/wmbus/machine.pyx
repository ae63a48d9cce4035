"""The stack machine that evaluates the expressions of driver files on a block of bytes."""

from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc
from libc.string cimport memcmp, memcpy, memset

from protocols.wmbus.structs cimport FLAG_SYNTHETIC, KIND_DATE, KIND_DATETIME, KIND_NUMBER, Rec, Tele
from protocols.wmbus.values cimport bcd, signed_of

from protocols.wmbus import expressions

# In the order of expressions.OPS.
cdef enum:
    OP_PUSH, OP_VAR, OP_ENV, OP_U, OP_UB, OP_I, OP_IB, OP_BCD, OP_BCDB, OP_TABLE
    OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MOD, OP_AND, OP_OR, OP_XOR, OP_SHL, OP_SHR, OP_INV, OP_NEG, OP_NOT
    OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_ALL, OP_ANY, OP_SELECT, OP_REC, OP_ROOT

cdef enum:
    STACK = 40
    ENV_LENGTH, ENV_CI, ENV_VERSION, ENV_TYPE, ENV_STATUS, ENV_ACCESS, ENV_AT, ENV_MODE

ctypedef struct Header:
    int32_t size
    uint8_t bytes[16]

ctypedef struct Op:
    int32_t op
    int64_t arg

cdef int64_t LARGEST_ROOT = 3037000499
cdef Op* ops = NULL
cdef int32_t* firsts = NULL         # first op of each code; the next code's first op ends it
cdef int64_t** lookups = NULL
cdef int32_t* lookup_sizes = NULL
cdef Header* record_headers = NULL


cdef void load_codes(object codes, object tables, object headers) except *:
    """Take over compiled expressions and their tables, once."""
    global ops, firsts, lookups, lookup_sizes, record_headers
    cdef int32_t i = 0, k
    cdef bytes header
    if expressions.OP["root"] != OP_ROOT or expressions.ENVIRONMENT.index("mode") != ENV_MODE - ENV_LENGTH:
        raise ImportError("expressions and machine do not agree on their operations")
    ops = <Op*>calloc(sum(len(code) for code in codes) + 1, sizeof(Op))
    firsts = <int32_t*>calloc(len(codes) + 1, sizeof(int32_t))
    lookups = <int64_t**>calloc(len(tables) + 1, sizeof(void*))
    lookup_sizes = <int32_t*>calloc(len(tables) + 1, sizeof(int32_t))
    record_headers = <Header*>calloc(len(headers) + 1, sizeof(Header))
    if ops == NULL or firsts == NULL or lookups == NULL or lookup_sizes == NULL or record_headers == NULL:
        raise MemoryError
    for k, header in enumerate(headers):
        record_headers[k].size = <int32_t>len(header)
        memcpy(record_headers[k].bytes, <const uint8_t*>header, len(header))
    for k, code in enumerate(codes):
        firsts[k] = i
        for op, arg in code:
            ops[i].op = op
            ops[i].arg = arg
            i += 1
    firsts[len(codes)] = i
    for k, values in enumerate(tables):
        lookups[k] = <int64_t*>calloc(len(values), sizeof(int64_t))
        if lookups[k] == NULL:
            raise MemoryError
        lookup_sizes[k] = <int32_t>len(values)
        for i, value in enumerate(values):
            lookups[k][i] = value


cdef void start(Machine* m, const Tele* t, const uint8_t* block, int32_t size) noexcept nogil:
    """Point a machine at a block; its variables are unknown."""
    m.t = t
    m.block = block
    m.size = size
    m.at = 0
    memset(m.known, 0, sizeof(m.known))


cdef bint read(Machine* m, int32_t op, int64_t size, int64_t* value) noexcept nogil:
    """Replace an offset (negative: from the end) by what is read there."""
    cdef int64_t at = value[0]
    cdef int64_t result = 0
    cdef int i
    if at < 0:
        at += m.size
    if at < 0 or at + size > m.size:
        return False
    if op == OP_U:
        for i in range(<int>size - 1, -1, -1):
            result = <int64_t>(<uint64_t>result << 8) | m.block[at + i]
    elif op == OP_UB:
        for i in range(<int>size):
            result = <int64_t>(<uint64_t>result << 8) | m.block[at + i]
    elif op == OP_I or op == OP_IB:
        result = signed_of(m.block + at, <int>size, op == OP_IB)
    elif not bcd(m.block + at, <int>size, op == OP_BCDB, &result):
        return False
    if at < m.low:
        m.low = <int32_t>at
    if at + size > m.high:
        m.high = <int32_t>(at + size)
    value[0] = result
    return True


cdef bint record_value(const Machine* m, int64_t index, int64_t* out) noexcept nogil:
    """The integer or packed date of the first record with a header; False where there is none."""
    cdef const Header* header = &record_headers[index]
    cdef const Rec* r
    cdef int32_t i
    for i in range(m.t.n_recs):
        r = &m.t.recs[i]
        if r.flags & FLAG_SYNTHETIC or r.data - r.head != header.size:
            continue
        if memcmp(m.t.buf + r.head, header.bytes, header.size) == 0:
            out[0] = r.mantissa
            return r.kind == KIND_NUMBER or r.kind == KIND_DATE or r.kind == KIND_DATETIME
    return False


cdef inline int64_t environment(const Machine* m, int64_t which) noexcept nogil:
    which += ENV_LENGTH
    if which == ENV_LENGTH:
        return m.size
    if which == ENV_CI:
        return m.t.ci
    if which == ENV_VERSION:
        return m.t.meter[6]
    if which == ENV_TYPE:
        return m.t.meter[7]
    if which == ENV_STATUS:
        return m.t.sts
    if which == ENV_ACCESS:
        return m.t.acc
    if which == ENV_AT:
        return m.at
    return m.t.mode


cdef bint root(int64_t* value) noexcept nogil:
    """Replace a number by the floor of its square root; False below zero."""
    cdef int64_t guess
    if value[0] < 0:
        return False
    guess = <int64_t>sqrt(<double>value[0])
    while guess > LARGEST_ROOT or guess * guess > value[0]:
        guess -= 1
    while guess < LARGEST_ROOT and (guess + 1) * (guess + 1) <= value[0]:
        guess += 1
    value[0] = guess
    return True


cdef inline bint divide(int32_t op, int64_t a, int64_t b, int64_t* out) noexcept nogil:
    """Floor division and its remainder; False where there is none."""
    cdef int64_t quotient
    if b == 0 or b == -1:
        out[0] = 0 if op == OP_MOD else <int64_t>(0 - <uint64_t>a)
        return b != 0
    quotient = a // b
    if a % b != 0 and (a < 0) != (b < 0):
        quotient -= 1
    out[0] = quotient if op == OP_DIV else a - quotient * b
    return True


cdef bint binary(int32_t op, int64_t a, int64_t b, int64_t* out) noexcept nogil:
    cdef uint64_t x = <uint64_t>a, y = <uint64_t>b
    if op == OP_DIV or op == OP_MOD:
        return divide(op, a, b, out)
    if op == OP_SHL or op == OP_SHR:
        if b < 0 or b > 63:
            return False
        out[0] = <int64_t>(x << y) if op == OP_SHL else a >> b
    elif op == OP_ADD:
        out[0] = <int64_t>(x + y)
    elif op == OP_SUB:
        out[0] = <int64_t>(x - y)
    elif op == OP_MUL:
        out[0] = <int64_t>(x * y)
    elif op == OP_AND:
        out[0] = a & b
    elif op == OP_OR:
        out[0] = a | b
    elif op == OP_XOR:
        out[0] = a ^ b
    else:
        out[0] = compare(op, a, b)
    return True


cdef inline bint compare(int32_t op, int64_t a, int64_t b) noexcept nogil:
    if op == OP_EQ:
        return a == b
    if op == OP_NE:
        return a != b
    if op == OP_LT:
        return a < b
    if op == OP_LE:
        return a <= b
    if op == OP_GT:
        return a > b
    return a >= b


cdef bint step(Machine* m, const Op* op, int64_t* stack, int* depth) noexcept nogil:
    """Run one operation; False where the expression has no value."""
    cdef int n = depth[0]
    cdef int64_t arg = op.arg
    cdef int i
    cdef bint truth
    if op.op == OP_PUSH or op.op == OP_ENV:
        stack[n] = arg if op.op == OP_PUSH else environment(m, arg)
        depth[0] = n + 1
    elif op.op == OP_VAR:
        if not m.known[arg]:
            return False
        stack[n] = m.variables[arg]
        depth[0] = n + 1
    elif op.op == OP_REC:
        depth[0] = n + 1
        return record_value(m, arg, &stack[n])
    elif op.op <= OP_BCDB:
        return read(m, op.op, arg, &stack[n - 1])
    elif op.op == OP_ROOT:
        return root(&stack[n - 1])
    elif op.op == OP_TABLE:
        if stack[n - 1] < 0 or stack[n - 1] >= lookup_sizes[arg]:
            return False
        stack[n - 1] = lookups[arg][stack[n - 1]]
    elif op.op == OP_INV:
        stack[n - 1] = ~stack[n - 1]
    elif op.op == OP_NEG:
        stack[n - 1] = <int64_t>(0 - <uint64_t>stack[n - 1])
    elif op.op == OP_NOT:
        stack[n - 1] = stack[n - 1] == 0
    elif op.op == OP_ALL or op.op == OP_ANY:
        truth = op.op == OP_ALL
        for i in range(<int>arg):
            if (stack[n - 1 - i] != 0) != (op.op == OP_ALL):
                truth = op.op == OP_ANY
        depth[0] = n - <int>arg + 1
        stack[depth[0] - 1] = truth
    elif op.op == OP_SELECT:
        stack[n - 3] = stack[n - 2] if stack[n - 3] else stack[n - 1]
        depth[0] = n - 2
    else:
        depth[0] = n - 1
        return binary(op.op, stack[n - 2], stack[n - 1], &stack[n - 2])
    return True


cdef bint evaluate(Machine* m, int32_t code, int64_t* out) noexcept nogil:
    """The value of an expression, or False where it has none (a read behind the end, say)."""
    cdef int64_t stack[STACK]
    cdef int depth = 0
    cdef int32_t i
    for i in range(firsts[code], firsts[code + 1]):
        if depth >= STACK - 1 or not step(m, &ops[i], stack, &depth):
            return False
    out[0] = stack[0]
    return depth == 1


cdef bint holds(Machine* m, int32_t code) noexcept nogil:
    """Whether a condition is there and true; no condition is always true."""
    cdef int64_t value = 0
    return code == NO_CODE or (evaluate(m, code, &value) and value != 0)
