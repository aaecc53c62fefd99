"""Reasons that every installation has without a row. What operators change or add is stored in rows."""

from control.reasons.models import ReasonArea

DEFAULTS: dict[str, list[tuple[str, bool, dict[str, str]]]] = {
    ReasonArea.APPLICATION: [
        ("requirements_not_met", True, {
            "en": "Your site or channel does not meet the requirements of the program.",
            "de": "Ihre Website oder Ihr Kanal erfüllt die Voraussetzungen des Programms nicht.",
            "es": "Su sitio o canal no cumple los requisitos del programa.",
            "fr": "Votre site ou votre canal ne remplit pas les conditions du programme.",
            "ar": "موقعك أو قناتك لا تستوفي متطلبات البرنامج.",
        }),
        ("site_not_reachable", True, {
            "en": "We could not open your site.",
            "de": "Wir konnten Ihre Website nicht öffnen.",
            "es": "No pudimos abrir su sitio.",
            "fr": "Nous n’avons pas pu ouvrir votre site.",
            "ar": "لم نتمكن من فتح موقعك.",
        }),
        ("off_topic", True, {
            "en": "The content of your site does not fit the program.",
            "de": "Die Inhalte Ihrer Website passen nicht zum Programm.",
            "es": "El contenido de su sitio no encaja con el programa.",
            "fr": "Le contenu de votre site ne correspond pas au programme.",
            "ar": "محتوى موقعك لا يناسب البرنامج.",
        }),
        ("country_not_served", True, {
            "en": "The program does not serve your country yet.",
            "de": "Das Programm ist in Ihrem Land noch nicht verfügbar.",
            "es": "El programa todavía no está disponible en su país.",
            "fr": "Le programme n’est pas encore disponible dans votre pays.",
            "ar": "البرنامج غير متاح في بلدك بعد.",
        }),
        ("traffic_not_allowed", True, {
            "en": "The program does not accept the traffic sources that you named.",
            "de": "Das Programm nimmt die genannten Traffic-Quellen nicht an.",
            "es": "El programa no acepta las fuentes de tráfico que indicó.",
            "fr": "Le programme n’accepte pas les sources de trafic indiquées.",
            "ar": "لا يقبل البرنامج مصادر الزيارات التي ذكرتها.",
        }),
        ("duplicate", True, {
            "en": "You are a partner already, or have applied already.",
            "de": "Sie sind bereits Partner oder haben sich schon beworben.",
            "es": "Ya es socio o ya ha presentado una solicitud.",
            "fr": "Vous êtes déjà partenaire ou avez déjà présenté une demande.",
            "ar": "أنت شريك بالفعل أو قدّمت طلبًا من قبل.",
        }),
        ("incomplete", True, {
            "en": "Information that we asked for is missing.",
            "de": "Angaben, um die wir gebeten haben, fehlen.",
            "es": "Falta información que le pedimos.",
            "fr": "Des informations que nous avons demandées manquent.",
            "ar": "بعض المعلومات التي طلبناها غير موجودة.",
        }),
        ("suspected_fraud", False, {"en": "Suspected fraud; the applicant gets no reason."}),
        ("other", True, {
            "en": "Another reason", "de": "Ein anderer Grund", "es": "Otro motivo", "fr": "Autre raison",
            "ar": "سبب آخر",
        }),
    ],
}  # fmt: skip
"""Code, whether the partner sees it, texts by language; by area."""
