from django.urls import path

from orders import views as orders
from products import views as products
from shop import health, views

urlpatterns = [
    path("api/health/", health.check),
    path("api/products/", products.catalogue),
    path("api/orders/", orders.place),
    path("api/orders/summary/", orders.summary),
    path("api/orders/ids/", orders.ids),
    path("api/tasks/", orders.enqueue_many),
    path("api/beats/", orders.beats),
    path("api/slow/", views.slow),
    path("api/stream/", views.stream),
]
