/** How Java writes numbers and times. */

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** `Date.toString()` where the time zone is UTC: `Sat Nov 21 09:28:39 UTC 2026`. @param ms since 1970 */
export function javaDate(ms: number): string {
  const date = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, '0');
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
  const day = `${DAYS[date.getUTCDay()] ?? ''} ${MONTHS[date.getUTCMonth()] ?? ''} ${two(date.getUTCDate())}`;
  return `${day} ${time} UTC ${date.getUTCFullYear()}`;
}

/** `Double.toString()` of a number of not more than four places behind the point. */
export function javaDouble(n: number): string {
  if (n !== 0 && (n < 1e-3 || n >= 1e7)) {
    const [digits = '', exponent = ''] = n.toExponential().split('e');
    return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`;
  }
  return Number.isInteger(n) ? `${n}.0` : String(n);
}

/** `0x` and a 64-bit number as if it had no sign. */
export function javaHex(n: bigint): string {
  return `0x${BigInt.asUintN(64, n).toString(16)}`;
}
