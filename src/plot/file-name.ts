/** What names no file that plot() could write: nothing before the ending. */
export const NAMELESS = /(^|[\\/])\.{0,2}(\.svg|\.html)?$/i
/** What plot() does not draw. */
export const OTHER_FORMAT = /\.(png|jpe?g|gif|webp|pdf)$/i
