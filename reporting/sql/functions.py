"""Functions that `clew sql` may call: they compute from their arguments and read nothing else. Pure.

Functions that read files, settings, other tables, dictionaries or the network, or that wait, are left out on purpose.
New functions of a later engine are left out until they have been reviewed. Names are compared in lower case: the
engine accepts some in any case, and no two differ by case alone.
"""

import re

_PLAIN = """
and not or xor

equals globalIn globalInIgnoreSet globalNotIn globalNotInIgnoreSet globalNotNullIn globalNotNullInIgnoreSet
globalNullIn globalNullInIgnoreSet greater greaterOrEquals in inIgnoreSet isDistinctFrom isNotDistinctFrom less
lessOrEquals notEquals notIn notInIgnoreSet notNullIn notNullInIgnoreSet nullIn nullInIgnoreSet

clamp greatest if least multiIf

assumeNotNull coalesce firstNonDefault ifNull isNotNull isNull isNullable isZeroOrNull nullIf toNullable

abs avg2 byteSwap divide divideDecimal divideOrNull gcd ifNotFinite intDiv intDivOrNull intDivOrZero isFinite
isInfinite isNaN lcm max2 midpoint min2 minus modulo moduloLegacy moduloOrNull moduloOrZero multiply multiplyDecimal
negate plus positiveModulo positiveModuloOrNull sqr

acos acosh asin asinh atan atan2 atanh cbrt cos cosh degrees e erf erfc exp exp10 exp2 factorial hypot intExp10
intExp2 isPrime isProbablePrime lgamma log log10 log1p log2 pi pow radians sigmoid sign sin sinh sqrt tan tanh
tgamma widthBucket

ceil floor round roundAge roundBankers roundDown roundDuration roundToExp2 trunc

bitAnd bitCount bitHammingDistance bitNot bitOr bitRotateLeft bitRotateRight bitShiftLeft bitShiftRight bitSlice
bitTest bitTestAll bitTestAny bitXor

rand rand64 randBernoulli randBinomial randCanonical randChiSquared randConstant randExponential randFisherF
randLogNormal randNegativeBinomial randNormal randomFixedString randomPrintableASCII randomString randomStringUTF8
randPoisson randStudentT randUniform

addDate addInterval addTupleOfIntervals age dateDiff dateName dateTrunc formatDateTime formatDateTimeInJodaSyntax
fromDaysSinceYearZero fromDaysSinceYearZero32 fromModifiedJulianDay fromModifiedJulianDayOrNull fromUnixTimestamp
fromUnixTimestampInJodaSyntax fromUTCTimestamp localtime makeDate makeDate32 makeDateTime makeDateTime64 monthName
now now64 nowInBlock nowInBlock64 subDate subtractInterval subtractTupleOfIntervals timeDiff timeSlot
timeSlots timestamp timezone timezoneOf timezoneOffset today toDayOfMonth toDayOfWeek toDayOfYear toDaysInMonth
toDaysSinceYearZero toHour toISOWeek toISOYear toLastDayOfMonth toLastDayOfWeek toMicrosecond toMillisecond toMinute
toModifiedJulianDay toModifiedJulianDayOrNull toMonday toMonth toMonthNumSinceEpoch toNanosecond toQuarter toSecond
toStartOfFifteenMinutes toStartOfFiveMinutes toStartOfInterval toStartOfISOYear toStartOfTenMinutes
toTimeWithFixedDate toTimezone toUnixTimestamp toUTCTimestamp toWeek toYear toYearNumSinceEpoch toYearWeek toYYYYMM
toYYYYMMDD toYYYYMMDDhhmmss UTCTimestamp yesterday YYYYMMDDhhmmssToDateTime YYYYMMDDhhmmssToDateTime64
YYYYMMDDToDate YYYYMMDDToDate32

hop hopEnd hopStart tumble tumbleEnd tumbleStart

accurateCast accurateCastOrDefault accurateCastOrNull CAST DATE fromUnixTimestamp64Micro fromUnixTimestamp64Milli
fromUnixTimestamp64Nano fromUnixTimestamp64Second toBool toDateTime32 toDecimalString toFixedString
toInterval toLowCardinality toString toStringCutToZero toUnixTimestamp64Micro toUnixTimestamp64Milli
toUnixTimestamp64Nano toUnixTimestamp64Second

appendTrailingCharIfAbsent ascii base32Decode base32Encode base58Decode base58Encode base64Decode base64Encode
base64URLDecode base64URLEncode basename byteHammingDistance caseFoldUTF8 compareSubstrings concat
concatAssumeInjective concatWithSeparator concatWithSeparatorAssumeInjective conv convertCharset CRC32 CRC32IEEE
CRC64 damerauLevenshteinDistance decodeHTMLComponent decodeXMLComponent editDistance editDistanceUTF8
encodeXMLComponent endsWith endsWithCaseInsensitive endsWithCaseInsensitiveUTF8 endsWithUTF8 extractTextFromHTML
firstLine initcap initcapUTF8 isValidASCII isValidUTF8 jaroSimilarity jaroWinklerSimilarity left leftPad leftPadUTF8
leftUTF8 lengthUTF8 lower lowerUTF8 naturalSortKey normalizeUTF8NFC normalizeUTF8NFD normalizeUTF8NFKC
normalizeUTF8NFKCCasefold normalizeUTF8NFKD regexpExtract regexpPosition removeDiacriticsUTF8 repeat reverseUTF8
right rightPad rightPadUTF8 rightUTF8 soundex space sparseGrams sparseGramsHashes sparseGramsHashesUTF8
sparseGramsUTF8 startsWith startsWithCaseInsensitive startsWithCaseInsensitiveUTF8 startsWithUTF8 stringBytesEntropy
stringBytesUniq stringJaccardIndex stringJaccardIndexUTF8 substring substringIndex substringIndexUTF8 substringUTF8
toValidUTF8 trimBoth trimLeft trimRight tryBase32Decode tryBase58Decode tryBase64Decode tryBase64URLDecode upper
upperUTF8

countMatches countMatchesCaseInsensitive countSubstrings countSubstringsCaseInsensitive
countSubstringsCaseInsensitiveUTF8 extract extractAll extractAllGroupsHorizontal extractGroups hasAllTokens
hasAnyTokens hasPhrase hasSubsequence hasSubsequenceCaseInsensitive hasSubsequenceCaseInsensitiveUTF8
hasSubsequenceUTF8 hasToken hasTokenCaseInsensitive hasTokenCaseInsensitiveOrNull hasTokenOrNull highlight ilike
like locate match matchCaseInsensitive multiFuzzyMatchAllIndices multiFuzzyMatchAny multiFuzzyMatchAnyIndex
multiMatchAllIndices multiMatchAny multiMatchAnyIndex multiSearchAllPositions multiSearchAllPositionsCaseInsensitive
multiSearchAllPositionsCaseInsensitiveUTF8 multiSearchAllPositionsUTF8 multiSearchAny multiSearchAnyCaseInsensitive
multiSearchAnyCaseInsensitiveUTF8 multiSearchAnyUTF8 multiSearchFirstIndex multiSearchFirstIndexCaseInsensitive
multiSearchFirstIndexCaseInsensitiveUTF8 multiSearchFirstIndexUTF8 multiSearchFirstPosition
multiSearchFirstPositionCaseInsensitive multiSearchFirstPositionCaseInsensitiveUTF8 multiSearchFirstPositionUTF8
ngramDistance ngramDistanceCaseInsensitive ngramDistanceCaseInsensitiveUTF8 ngramDistanceUTF8 ngramSearch
ngramSearchCaseInsensitive ngramSearchCaseInsensitiveUTF8 ngramSearchUTF8 notILike notLike notMatch
notMatchCaseInsensitive position positionCaseInsensitive positionCaseInsensitiveUTF8 positionUTF8

format overlay overlayUTF8 printf regexpQuoteMeta replaceAll replaceOne replaceRegexpAll replaceRegexpOne translate
translateUTF8

alphaTokens arrayStringConcat extractAllGroupsVertical ngrams reverseBySeparator splitByChar splitByNonAlpha
splitByRegexp splitByString splitByWhitespace tokens tokensForLikePattern

cutFragment cutQueryString cutQueryStringAndFragment cutToFirstSignificantSubdomain
cutToFirstSignificantSubdomainCustom cutToFirstSignificantSubdomainCustomRFC
cutToFirstSignificantSubdomainCustomWithWWW cutToFirstSignificantSubdomainCustomWithWWWRFC
cutToFirstSignificantSubdomainRFC cutToFirstSignificantSubdomainWithWWW cutToFirstSignificantSubdomainWithWWWRFC
cutURLParameter cutWWW decodeURLComponent decodeURLFormComponent domain domainRFC domainWithoutWWW
domainWithoutWWWRFC encodeURLComponent encodeURLFormComponent extractURLParameter extractURLParameterNames
extractURLParameters firstSignificantSubdomain firstSignificantSubdomainCustom firstSignificantSubdomainCustomRFC
firstSignificantSubdomainRFC fragment netloc path pathFull port portRFC protocol queryString queryStringAndFragment
topLevelDomain topLevelDomainRFC URLHierarchy URLPathHierarchy

cutIPv6 IPv4CIDRToRange IPv4NumToString IPv4NumToStringClassC IPv4StringToNum IPv4StringToNumOrDefault
IPv4StringToNumOrNull IPv4ToIPv6 IPv6CIDRToRange IPv6NumToString IPv6StringToNum IPv6StringToNumOrDefault
IPv6StringToNumOrNull isIPAddressInRange isIPv4String isIPv6String

bin bitmaskToArray bitmaskToList bitPositionsToArray char hex unbin unhex

cityHash64 farmFingerprint64 farmHash64 gccMurmurHash halfMD5 intHash32 intHash64 javaHash javaHashUTF16LE
jumpConsistentHash kafkaMurmurHash keccak256 kostikConsistentHash MD4 MD5 metroHash64 murmurHash2_32 murmurHash2_64
murmurHash3_128 murmurHash3_32 murmurHash3_64 RIPEMD160 SHA1 SHA224 SHA256 SHA384 SHA512 SHA512_256 sipHash128
sipHash128Keyed sipHash64 sipHash64Keyed URLHash wyHash64 xxh3 xxh3_128 xxHash32 xxHash64 xxHash64Spark

dateTime64ToSnowflakeID dateTimeToSnowflakeID dateTimeToUUIDv7 generateUUIDv4 generateUUIDv7 snowflakeIDToDateTime
snowflakeIDToDateTime64 UUIDNumToString UUIDStringToNum UUIDToNum UUIDv7ToDateTime

dynamicElement dynamicType isDynamicElementInSharedData isValidJSON JSON_EXISTS JSON_QUERY JSON_VALUE JSONAllPaths
JSONAllPathsWithTypes JSONAllValues JSONArrayLength JSONDynamicPaths JSONDynamicPathsWithTypes JSONExtract
JSONExtractArrayRaw JSONExtractArrayRawCaseInsensitive JSONExtractBool JSONExtractBoolCaseInsensitive
JSONExtractCaseInsensitive JSONExtractFloat JSONExtractFloatCaseInsensitive JSONExtractInt
JSONExtractIntCaseInsensitive JSONExtractKeys JSONExtractKeysAndValues JSONExtractKeysAndValuesCaseInsensitive
JSONExtractKeysAndValuesRaw JSONExtractKeysAndValuesRawCaseInsensitive JSONExtractKeysCaseInsensitive JSONExtractRaw
JSONExtractRawCaseInsensitive JSONExtractString JSONExtractStringCaseInsensitive JSONExtractUInt
JSONExtractUIntCaseInsensitive JSONHas JSONKey JSONLength JSONMergePatch JSONSharedDataPaths
JSONSharedDataPathsWithTypes JSONType prettyPrintJSON simpleJSONExtractBool simpleJSONExtractFloat
simpleJSONExtractInt simpleJSONExtractRaw simpleJSONExtractString simpleJSONExtractUInt simpleJSONHas toJSONString

array arrayAll arrayAUCPR arrayAutocorrelation arrayAvg arrayBottomK arrayCompact arrayConcat arrayCount arrayCumSum
arrayCumSumNonNegative arrayDifference arrayDistinct arrayDotProduct arrayElement arrayElementOrNull arrayEnumerate
arrayEnumerateDense arrayEnumerateDenseRanked arrayEnumerateUniq arrayEnumerateUniqRanked arrayExcept arrayExists
arrayFill arrayFilter arrayFirst arrayFirstIndex arrayFirstOrNull arrayFlatten arrayFlattenedLength arrayFold
arrayIntersect arrayJaccardIndex arrayJoin arrayLast arrayLastIndex arrayLastOrNull arrayLevenshteinDistance
arrayLevenshteinDistanceWeighted arrayMap arrayMax arrayMin arrayNormalizedGini arrayPartialReverseSort
arrayPartialShuffle arrayPartialSort arrayPopBack arrayPopFront arrayProduct arrayPushBack arrayPushFront
arrayRandomSample arrayReduce arrayReduceInRanges arrayRemove arrayResize arrayReverse arrayReverseFill
arrayReverseSort arrayReverseSplit arrayROCAUC arrayRotateLeft arrayRotateRight arrayShiftLeft arrayShiftRight
arrayShingles arrayShuffle arraySimilarity arraySlice arraySort arraySplit arraySum arraySymmetricDifference
arrayTopK arrayUnion arrayUniq arrayWithConstant arrayZip arrayZipUnaligned countEqual empty emptyArrayDate
emptyArrayDateTime emptyArrayFloat32 emptyArrayFloat64 emptyArrayInt16 emptyArrayInt32 emptyArrayInt64
emptyArrayInt8 emptyArrayString emptyArrayToSingle emptyArrayUInt16 emptyArrayUInt32 emptyArrayUInt64
emptyArrayUInt8 has hasAll hasAny hasSubstr indexOf length notEmpty notHas range replicate reverse

dotProduct flattenTuple tuple tupleConcat tupleDivide tupleDivideByNumber tupleElement tupleHammingDistance
tupleIntDiv tupleIntDivByNumber tupleIntDivOrZero tupleIntDivOrZeroByNumber tupleMinus tupleModulo
tupleModuloByNumber tupleMultiply tupleMultiplyByNumber tupleNames tupleNegate tuplePlus tuplePositiveModuloByNumber
tupleToNameValuePairs

extractKeyValuePairs extractKeyValuePairsWithEscaping map mapAdd mapAll mapApply mapConcat mapContainsKey
mapContainsKeyLike mapContainsValue mapContainsValueLike mapExists mapExtractKeyLike mapExtractValueLike mapFilter
mapFromArrays mapKeys mapPartialReverseSort mapPartialSort mapPopulateSeries mapReverseSort mapSort mapSubtract
mapUpdate mapValues

_CAST bar byteSize caseWithExpression CAST countDigits currentDatabase defaultValueOfTypeName digits exists
finalizeAggregation formatReadableDecimalSize formatReadableQuantity formatReadableSize formatReadableTimeDelta
getSubcolumn grouping identity ignore isConstant isDecimalOverflow lambda materialize neighbor parseReadableSize
parseReadableSizeOrNull parseReadableSizeOrZero parseTimeDelta rowNumberInAllBlocks rowNumberInBlock
runningDifference throwIf toColumnTypeName toTypeName transform untuple variantElement variantType version

array_remove array_to_string arrayAUC arrayPRAUC byteSlice CARDINALITY caseWithoutExpr caseWithoutExpression ceiling
CHAR_LENGTH CHARACTER_LENGTH concat_ws curdate current_database current_date current_timestamp DATABASE date_bin
date_diff DATE_DIFF DATE_FORMAT DATE_TRUNC DAY DAYOFMONTH DAYOFWEEK DAYOFYEAR extractAllGroups flatten FORMAT_BYTES
FROM_BASE64 FROM_DAYS FROM_UNIXTIME from_utc_timestamp hasAllToken hasAnyToken HOUR INET6_ATON INET6_NTOA INET_ATON
INET_NTOA instr isASCII JSON_ARRAY_LENGTH jsonMergePatch LAST_DAY lcase levenshteinDistance levenshteinDistanceUTF8
ln localtimestamp lpad ltrim MAP_FROM_ARRAYS mapContains mapFromString matchPhrase MICROSECOND mid MILLISECOND
MINUTE mismatches mod modOrNull MONTH NANOSECOND NATURAL_SORT_KEY OCTET_LENGTH pmod pmodOrNull positive_modulo
positive_modulo_or_null power QUARTER rand32 REGEXP_EXTRACT regexp_instr REGEXP_MATCHES REGEXP_REPLACE REGEXP_SUBSTR
regexpInstr removeAccentsUTF8 replace rpad rtrim scalarProduct SCHEMA SECOND splitByAlpha str_to_date
str_to_map substr SUBSTRING_INDEX time_bucket timestamp_diff TIMESTAMP_DIFF timestampDiff timeZone timeZoneOf
timeZoneOffset TO_BASE64 TO_DAYS TO_UNIXTIME to_utc_timestamp toStartOfFiveMinute toTimeZone trim truncate ucase
unnest UTC_timestamp vectorDifference vectorSum visitParamExtractBool visitParamExtractFloat visitParamExtractInt
visitParamExtractRaw visitParamExtractString visitParamExtractUInt visitParamHas week width_bucket
yandexConsistentHash YEAR yearweek
"""

_AGGREGATES = """
analysisOfVariance anova any any_respect_nulls any_value any_value_respect_nulls anyHeavy anyLast
anyLast_respect_nulls anyLastRespectNulls anyRespectNulls anyValueRespectNulls approx_top_count approx_top_k
approx_top_sum argAndMax argAndMin argMax argMin array_agg avg avgWeighted BIT_AND BIT_OR BIT_XOR corr corrStable
count COVAR_POP COVAR_SAMP covarPop covarPopStable covarSamp covarSampStable cume_dist deltaSum deltaSumTimestamp
dense_rank denseRank distinctDynamicTypes distinctJSONPaths distinctJSONPathsAndTypes entropy
exponentialMovingAverage exponentialTimeDecayedAvg exponentialTimeDecayedCount exponentialTimeDecayedMax
exponentialTimeDecayedSum first_value first_value_respect_nulls firstValueRespectNulls gini group_concat groupArray
groupArrayInsertAt groupArrayIntersect groupArrayLast groupArrayMovingAvg groupArrayMovingSum groupArraySample
groupArraySorted groupBitAnd groupBitOr groupBitXor groupConcat groupUniqArray histogram intervalLengthSum
kolmogorovSmirnovTest kurtPop kurtSamp lag lagInFrame last_value last_value_respect_nulls lastValueRespectNulls lead
leadInFrame mannWhitneyUTest max max_by maxIntersections maxIntersectionsPosition maxMappedArrays meanZTest median
medianDeterministic medianExact medianExactHigh medianExactLow medianExactWeighted medianExactWeightedInterpolated
medianInterpolatedWeighted medianTDigest medianTDigestWeighted medianTiming medianTimingWeighted mergedJSONPatch min
min_by minMappedArrays nonNegativeDerivative nth_value ntile percent_rank percentRank quantile quantileDeterministic
quantileExact quantileExactExclusive quantileExactHigh quantileExactInclusive quantileExactLow quantileExactWeighted
quantileExactWeightedInterpolated quantileInterpolatedWeighted quantiles quantilesDeterministic quantilesExact
quantilesExactExclusive quantilesExactHigh quantilesExactInclusive quantilesExactLow quantilesExactWeighted
quantilesExactWeightedInterpolated quantilesInterpolatedWeighted quantilesTDigest quantilesTDigestWeighted
quantilesTiming quantilesTimingWeighted quantileTDigest quantileTDigestWeighted quantileTiming
quantileTimingWeighted rank rankCorr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
regr_sxy regr_syy retention row_number sequenceCount sequenceMatch sequenceMatchEvents sequenceNextNode
simpleLinearRegression singleValueOrNull skewPop skewSamp sparkBar sparkbar STD STDDEV STDDEV_POP STDDEV_SAMP
stddevPop stddevPopStable stddevSamp stddevSampStable string_agg studentTTest studentTTestOneSample sum sumCount
sumKahan sumMapFiltered sumMapFilteredWithOverflow sumMappedArrays sumMapWithOverflow sumWithOverflow topK
topKWeighted uniq uniqCombined uniqCombined64 uniqExact uniqHLL12 uniqUpTo VAR_POP VAR_SAMP varPop varPopStable
varSamp varSampStable welchTTest windowFunnel
"""

_TYPES = (
    "Int8", "Int16", "Int32", "Int64", "Int128", "Int256", "UInt8", "UInt16", "UInt32", "UInt64", "UInt128", "UInt256",
    "Float32", "Float64", "BFloat16", "Decimal32", "Decimal64", "Decimal128", "Decimal256", "Date", "Date32",
    "DateTime", "DateTime64", "Time", "Time64", "UUID", "IPv4", "IPv6",
)  # fmt: skip
_UNITS = (
    "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour", "Day", "Week", "Month", "Quarter", "Year",
)  # fmt: skip
_PARSERS = (
    "", "BestEffort", "BestEffortUS", "InJodaSyntax", "32BestEffort", "64", "64BestEffort", "64BestEffortUS",
    "64InJodaSyntax",
)  # fmt: skip

_FAMILIES = (
    *(f"to{kind}{otherwise}" for kind in _TYPES for otherwise in ("", "OrNull", "OrZero", "OrDefault")),
    *(f"reinterpretAs{kind}" for kind in (*_TYPES, "FixedString", "String")),
    *(f"parseDateTime{how}{otherwise}" for how in _PARSERS for otherwise in ("", "OrNull", "OrZero")),
    *(name for unit in _UNITS for name in (f"add{unit}s", f"subtract{unit}s", f"change{unit}", f"toInterval{unit}")),
    *(name for unit in _UNITS for name in (f"toStartOf{unit}", f"toRelative{unit}Num")),
)
"""Names that follow a pattern. The engine lacks a few of them, which is harmless."""

PLAIN = tuple(_PLAIN.split())
AGGREGATES = tuple(_AGGREGATES.split())
_ALLOWED = frozenset(name.lower() for name in (*PLAIN, *_FAMILIES))
_ALLOWED_AGGREGATES = frozenset(name.lower() for name in AGGREGATES)
_COMBINATOR = re.compile(
    r"(simplestate|ordefault|distinct|resample|foreach|argmax|argmin|ornull|tuple|merge|state|array|null|map|if)$"
)

IN_FUNCTIONS = frozenset(
    name.lower() for name in PLAIN if re.fullmatch(r"(?i)(global)?(not)?(null)?in(ignoreset)?", name)
)
"""Functions whose arguments after the first may be names of tables."""


def is_allowed(name: str) -> bool:
    """Return True if a query may call the function; aggregates also with suffixes such as If or Merge."""
    lower = name.lower()
    if lower in _ALLOWED:
        return True
    while lower not in _ALLOWED_AGGREGATES:
        shorter = _COMBINATOR.sub("", lower)
        if shorter == lower:
            return False
        lower = shorter
    return True
