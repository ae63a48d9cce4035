from libc.stdint cimport int16_t, uint8_t, uint16_t

cdef struct Vif:
    uint16_t quantity       # 0: not assigned
    uint8_t unit
    uint8_t form
    int16_t exponent

cdef Vif PRIMARY[128]
cdef Vif FB[128]
cdef Vif FD[128]
cdef Vif FD_FD[128]
# Qualifier and divisor of each combinable VIFE; 0 where it has none.
cdef uint8_t QUALIFIER[128]
cdef uint8_t QUALIFIER_FC[128]
cdef uint8_t DIVISOR[128]
# Whether a unit is one of time.
cdef uint8_t IS_TIME[256]
cdef uint16_t Q_UNKNOWN, Q_MANUFACTURER, Q_VOLUME, Q_ENERGY, Q_DATE, Q_DATETIME
cdef uint8_t L_INVALID, L_SUMMER, L_RECURRING, L_INCREMENT, L_DECREMENT, L_DIFFERENCE, L_MANUFACTURER
cdef uint8_t L_UNSET, L_UNKNOWN, L_FORWARD, L_BACKWARD
