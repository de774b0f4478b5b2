from django.http import JsonResponse
from django.views.decorators.http import require_safe

from products.models import Product


@require_safe
def catalogue(request):
    products = Product.objects.select_related("category")
    return JsonResponse({"products": [product.as_json() for product in products]})
