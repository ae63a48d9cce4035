"""Short open paths through many spots: nearest neighbour, then 2-opt and Or-opt moves along neighbour lists.

(J. L. Bentley, "Fast algorithms for geometric traveling salesman problems", ORSA J. Computing 4, 1992: neighbour lists
and don't-look bits.) Positions are flat metres as doubles.
"""

from libc.math cimport sqrt
from libc.stdlib cimport free, malloc

cdef enum:
    LISTED = 8
    CARRIED = 3


cdef class Path:
    """A path being shortened: ``path[i]`` is the spot at place ``i``, ``place[s]`` where spot ``s`` is."""

    cdef Py_ssize_t count
    cdef double* x
    cdef double* y
    cdef int* path
    cdef int* place
    cdef int* near
    cdef int* heads
    cdef int* following
    cdef int* cell_of
    cdef char* waiting
    cdef int* queue
    cdef int across, down
    cdef double size, low_x, low_y

    def __cinit__(self, Py_ssize_t count):
        self.count = count
        self.x = <double*>malloc(count * sizeof(double))
        self.y = <double*>malloc(count * sizeof(double))
        self.path = <int*>malloc(count * sizeof(int))
        self.place = <int*>malloc(count * sizeof(int))
        self.near = <int*>malloc(count * LISTED * sizeof(int))
        self.following = <int*>malloc(count * sizeof(int))
        self.cell_of = <int*>malloc(count * sizeof(int))
        self.waiting = <char*>malloc(count)
        self.queue = <int*>malloc(count * sizeof(int))
        self.heads = NULL
        if (
            self.x == NULL or self.y == NULL or self.path == NULL or self.place == NULL or self.near == NULL
            or self.following == NULL or self.cell_of == NULL or self.waiting == NULL or self.queue == NULL
        ):
            raise MemoryError

    def __dealloc__(self):
        free(self.x)
        free(self.y)
        free(self.path)
        free(self.place)
        free(self.near)
        free(self.heads)
        free(self.following)
        free(self.cell_of)
        free(self.waiting)
        free(self.queue)

    cdef inline double metres(self, int a, int b) noexcept:
        cdef double dx = self.x[a] - self.x[b]
        cdef double dy = self.y[a] - self.y[b]
        return sqrt(dx * dx + dy * dy)

    cdef int lay_out(self, const double[:, ::1] points) except -1:
        """Take the spots over and put them into square cells of about two each."""
        cdef Py_ssize_t at
        cdef int cell
        cdef double high_x, high_y
        for at in range(self.count):
            self.x[at] = points[at, 0]
            self.y[at] = points[at, 1]
        self.low_x = high_x = self.x[0]
        self.low_y = high_y = self.y[0]
        for at in range(1, self.count):
            self.low_x = min(self.low_x, self.x[at])
            self.low_y = min(self.low_y, self.y[at])
            high_x = max(high_x, self.x[at])
            high_y = max(high_y, self.y[at])
        self.size = sqrt((high_x - self.low_x + 1.0) * (high_y - self.low_y + 1.0) * 2.0 / self.count)
        # Spots along a line: no more cells than four for each spot.
        while (high_x - self.low_x + self.size) * (high_y - self.low_y + self.size) > (
            (4.0 * self.count + 16.0) * self.size * self.size
        ):
            self.size *= 2.0
        self.across = <int>((high_x - self.low_x) / self.size) + 1
        self.down = <int>((high_y - self.low_y) / self.size) + 1
        self.heads = <int*>malloc(self.across * self.down * sizeof(int))
        if self.heads == NULL:
            raise MemoryError
        for at in range(self.across * self.down):
            self.heads[at] = -1
        for at in range(self.count - 1, -1, -1):
            cell = <int>((self.y[at] - self.low_y) / self.size) * self.across
            cell += <int>((self.x[at] - self.low_x) / self.size)
            self.cell_of[at] = cell
            self.following[at] = self.heads[cell]
            self.heads[cell] = <int>at
        return 0

    cdef void nearest(self, int spot, int* found, int most) noexcept:
        """The nearest ``most`` spots in the cells to ``spot``, nearest first; -1 where there are no more."""
        cdef double[LISTED] best
        cdef int count = 0, ring = 0, at, cell_x, cell_y, x, y, other, stride
        cdef double distance
        cdef int widest = max(self.across, self.down)
        cell_x = self.cell_of[spot] % self.across
        cell_y = self.cell_of[spot] // self.across
        while ring <= widest:
            for y in range(max(cell_y - ring, 0), min(cell_y + ring, self.down - 1) + 1):
                stride = 1 if y == cell_y - ring or y == cell_y + ring or ring == 0 else 2 * ring
                x = cell_x - ring
                while x <= cell_x + ring:
                    if 0 <= x < self.across:
                        other = self.heads[y * self.across + x]
                        while other >= 0:
                            if other != spot:
                                distance = self.metres(spot, other)
                                if count < most or distance < best[count - 1]:
                                    at = count if count < most else most - 1
                                    while at > 0 and best[at - 1] > distance:
                                        best[at] = best[at - 1]
                                        found[at] = found[at - 1]
                                        at -= 1
                                    best[at] = distance
                                    found[at] = other
                                    if count < most:
                                        count += 1
                            other = self.following[other]
                    x += stride
            # What lies further out is at least as many cells away.
            if count == most and best[most - 1] <= ring * self.size:
                break
            ring += 1
        while count < most:
            found[count] = -1
            count += 1

    cdef void take_out(self, int spot) noexcept:
        """Visited: no longer among the spots of its cell."""
        cdef int other = self.heads[self.cell_of[spot]]
        if other == spot:
            self.heads[self.cell_of[spot]] = self.following[spot]
            return
        while self.following[other] != spot:
            other = self.following[other]
        self.following[other] = self.following[spot]

    cdef void begin(self, int first) noexcept:
        """A first path: from ``first`` always to the nearest spot not visited."""
        cdef int here = first, following
        cdef Py_ssize_t at
        for at in range(self.count):
            self.path[at] = here
            self.place[here] = <int>at
            self.take_out(here)
            self.nearest(here, &following, 1)
            here = following

    cdef void turn(self, int start, int end) noexcept:
        """Walk the places from ``start`` to ``end`` (included) the other way round."""
        cdef int spot
        while start < end:
            spot = self.path[start]
            self.path[start] = self.path[end]
            self.path[end] = spot
            self.place[self.path[start]] = start
            self.place[spot] = end
            start += 1
            end -= 1

    cdef inline double gap(self, int left, int right) noexcept:
        """Metres between two places; none beyond an end of the path."""
        if left < 0 or right >= self.count:
            return 0.0
        return self.metres(self.path[left], self.path[right])

    cdef bint two_opt(self, int spot) noexcept:
        """Join ``spot`` to a near one by turning what lies between."""
        cdef int at = self.place[spot], to, listed, other, start, end
        cdef double gain
        for listed in range(LISTED):
            other = self.near[spot * LISTED + listed]
            if other < 0:
                break
            to = self.place[other]
            # The two spots become neighbours: turn from behind the first to the second, or from the first to before it.
            start, end = (at + 1, to) if at < to else (to + 1, at)
            gain = self.gap(start - 1, start) + self.gap(end, end + 1)
            gain -= self.gap(start - 1, end) + self.gap(start, end + 1)
            if gain > 1e-7:
                self.turn(start, end)
                return True
            start, end = (at, to - 1) if at < to else (to, at - 1)
            gain = self.gap(start - 1, start) + self.gap(end, end + 1)
            gain -= self.gap(start - 1, end) + self.gap(start, end + 1)
            if gain > 1e-7:
                self.turn(start, end)
                return True
        return False

    cdef bint or_opt(self, int spot) noexcept:
        """Carry ``spot`` with up to two that follow or precede it to beside a near one."""
        cdef int at = self.place[spot], size, start, end, to, listed, other, side
        for listed in range(LISTED):
            other = self.near[spot * LISTED + listed]
            if other < 0:
                break
            to = self.place[other]
            for size in range(1, CARRIED + 1):
                for side in range(2):
                    start = at if side == 0 else at - size + 1
                    end = start + size - 1
                    if start < 0 or end >= self.count or start <= to <= end:
                        continue
                    if self.carry(start, end, to) or self.carry(start, end, to - 1):
                        return True
        return False

    cdef bint carry(self, int start, int end, int before) noexcept:
        """Move the places from ``start`` to ``end`` to behind ``before``, the better way round, where it saves."""
        cdef double gain, straight, turned
        if start - 1 <= before <= end:
            return False
        gain = self.gap(start - 1, start) + self.gap(end, end + 1) - self.gap_over(start, end)
        gain += self.gap(before, before + 1)
        straight = self.gap_at(before, start) + self.gap_at(end, before + 1)
        turned = self.gap_at(before, end) + self.gap_at(start, before + 1)
        if gain - min(straight, turned) <= 1e-7:
            return False
        if before > end:
            self.turn(start, end)
            self.turn(end + 1, before)
            self.turn(start, before)
            if turned < straight:
                self.turn(before - (end - start), before)
        else:
            self.turn(start, end)
            self.turn(before + 1, start - 1)
            self.turn(before + 1, end)
            if turned < straight:
                self.turn(before + 1, before + 1 + end - start)
        return True

    cdef inline double gap_over(self, int start, int end) noexcept:
        """Metres across a stretch that is taken out."""
        if start == 0 or end == self.count - 1:
            return 0.0
        return self.metres(self.path[start - 1], self.path[end + 1])

    cdef inline double gap_at(self, int left, int right) noexcept:
        """Metres between any two places; none beyond an end of the path."""
        if left < 0 or right < 0 or left >= self.count or right >= self.count:
            return 0.0
        return self.metres(self.path[left], self.path[right])

    cdef void improve(self) noexcept:
        """Move after move until none saves anything; spots beside a move are looked at again."""
        cdef Py_ssize_t head = 0, tail = 0, left = self.count, at
        cdef int spot, listed, other
        for at in range(self.count):
            self.queue[at] = self.path[at]
            self.waiting[at] = 1
        while left:
            spot = self.queue[head]
            head = (head + 1) % self.count
            left -= 1
            self.waiting[spot] = 0
            if not (self.two_opt(spot) or self.or_opt(spot)):
                continue
            for listed in range(-1, LISTED):
                other = spot if listed < 0 else self.near[spot * LISTED + listed]
                if other >= 0 and not self.waiting[other]:
                    self.waiting[other] = 1
                    tail = (head + left) % self.count
                    self.queue[tail] = other
                    left += 1


def shorten(const double[:, ::1] points not None, int first):
    """The spots' numbers in a short open path through all of them that the search begins at ``first``."""
    cdef Py_ssize_t count = points.shape[0], at
    if count == 0:
        return []
    if not 0 <= first < count:
        raise ValueError(f"first: {first}, must be one of {count} spots")
    cdef Path path = Path(count)
    path.lay_out(points)
    for at in range(count):
        path.nearest(<int>at, path.near + at * LISTED, LISTED)
    path.begin(first)
    if count > 2:
        path.improve()
    return [path.path[at] for at in range(count)]
