"""Finding the language."""

from __future__ import annotations

import pytest

from gts.tasks.language import find_language

TEXTS = {
    "en": ["Where is my parcel?", "I was charged twice for the order", "How do I locate my card?"],
    "de": [
        "Wo ist mein Paket?",
        "Ich habe die Bestellung nicht bekommen",
        "Wie kann ich meine Karte sperren?",
    ],
    "fr": ["Où est mon colis ?", "Je n'ai pas reçu la commande", "Comment est-ce que je bloque ma carte ?"],
    "es": ["¿Dónde está mi paquete?", "No he recibido el pedido", "¿Cómo puedo bloquear mi tarjeta?"],
    "it": ["Dov'è il mio pacco?", "Non ho ricevuto l'ordine", "Come posso bloccare la mia carta?"],
    "pt": ["Onde está a minha encomenda?", "Não recebi o pedido", "Como eu posso bloquear o meu cartão?"],
    "nl": ["Waar is mijn pakket?", "Ik heb de bestelling niet ontvangen", "Hoe kan ik mijn kaart blokkeren?"],
    "pl": ["Gdzie jest moja paczka?", "Nie dostałem jeszcze zamówienia", "Jak mogę zablokować moją kartę?"],
    "tr": ["Paketim nerede?", "Siparişim hâlâ gelmedi, neden bu kadar geç?", "Bu kart için ne olarak?"],
    "zh": ["我的快递什么时候到？", "苹果6p用两年多了", "iPhone 很好用"],
    "ja": ["荷物はどこですか？", "注文がまだ届きません"],
    "ko": ["제 택배는 어디에 있나요?", "주문한 상품을 받지 못했어요"],
    "ru": ["Где моя посылка?", "Я ещё не получил заказ, это был обычный день"],
    "uk": ["Де моя посилка?", "Я ще не отримав її, це її замовлення"],
    "ar": ["أين طردي؟", "لم أستلم الطلب بعد"],
    "fa": ["بسته من کجاست؟", "چرا پول من برنگشت؟"],
    "he": ["איפה החבילה שלי?", "לא קיבלתי את ההזמנה"],
    "el": ["Πού είναι το δέμα μου;", "Δεν έλαβα την παραγγελία"],
    "th": ["พัสดุของฉันอยู่ที่ไหน", "ยังไม่ได้รับสินค้า"],
    "hi": ["मेरा पार्सल कहाँ है?", "मुझे ऑर्डर नहीं मिला"],
}


@pytest.mark.parametrize("code", TEXTS)
def test_language(code):
    assert find_language(TEXTS[code]) == code


@pytest.mark.parametrize(
    "texts", [[], [""], ["12 345 !?"], ["😀😀"], ["qwrt zxcv bnmp"], ["ok", "iphone", "usb"]]
)
def test_too_little_evidence_is_undetermined(texts):
    assert find_language(texts) == "und"
