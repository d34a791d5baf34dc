/* Counts of 64 bits where a size has 32, as on i386 and armhf: refused or cut to the largest, never
   taken modulo 2^32. */
#define LSQ_SIZE_LIMIT 0xffffffffu
#include "base/size.h"
#include "host.h"

int main(void) {
  const uint64_t past = (uint64_t)1 << 32;
  host_expect(lsq_size_fits(past - 1), "2^32 - 1", "does not fit");
  host_expect(!lsq_size_fits(past), "2^32", "fits");
  host_expect(!lsq_size_fits(past + 2), "2^32 + 2", "fits");
  host_expect(!lsq_size_fits(UINT64_MAX), "2^64 - 1", "fits");
  host_expect(lsq_size_of(7) == 7, "7", "is another");
  host_expect(lsq_size_of((int64_t)past + 2) == past - 1, "2^32 + 2", "is not cut to the largest");
  return host_done();
}
